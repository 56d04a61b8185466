// Package pattern compiles regular expressions when they are first needed. The
// program knows many, a run needs few, and compiling all of them takes longer
// than anything else at its start.
package pattern

import (
	"regexp"
	"sync"
)

// known is every pattern of the program, so that a test can compile them all: a
// mistake in one would else show in the run that needs it first.
var known struct {
	sync.Mutex
	all []func() *regexp.Regexp
}

// Lazy is for variables of packages: a function that returns the compiled
// expression, the same one each time and to everybody. It panics where
// regexp.MustCompile does.
func Lazy(expression string) func() *regexp.Regexp {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
	known.Lock()
	defer known.Unlock()
	known.all = append(known.all, compiled)
	return compiled
}
