package pattern

import "regexp"

// Known is every pattern of the program.
func Known() []func() *regexp.Regexp { return known.all }
