// Package shard deals the items of a repository out to runs that work side by side,
// each at stacks of its own.
package shard

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Shard is one of several parts of the lots that there are. The zero value is all of
// them.
type Shard struct{ Number, Of int }

// most is how many parts there can be: a matrix of workflows has far fewer.
const most = 1000

// Parse reads a shard as it is written: 2/5 is the second of five.
func Parse(text string) (Shard, error) {
	number, of, _ := strings.Cut(text, "/")
	s := Shard{}
	var errs [2]error
	s.Number, errs[0] = strconv.Atoi(number)
	s.Of, errs[1] = strconv.Atoi(of)
	if errors.Join(errs[:]...) != nil || s.Number < 1 || s.Number > s.Of || s.Of > most || s.String() != text {
		return Shard{}, fmt.Errorf("%q is no part of a whole: write 2/5 for the second of five", text)
	}
	return s, nil
}

// String is the shard as it is written, "" for all.
func (s Shard) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Number, s.Of)
}

// Has reports whether a lot falls to the shard.
func (s Shard) Has(lot string) bool {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(lot)) // never fails
	return s.Of == 0 || int(sum.Sum64()%uint64(s.Of))+1 == s.Number
}

// Dealer knows to which lot items belong: that of one stack, or one of its own for
// an item that names none. The name of a lot is that of the lock which keeps other
// runs away from it.
type Dealer struct {
	Scope   policy.Scope
	stacks  []string
	records map[record.Ref]*proposal.Record
}

// New knows the stacks among the paths of a commit, and the proposals as of the last
// fetch.
func New(repo seam.Remote, scope policy.Scope, paths []string) Dealer {
	records, _ := proposal.Records(repo)
	return Dealer{scope, place.Stacks(paths, scope.Stacks), records}
}

// Split parts the items that fall to a shard from the others.
func (d Dealer) Split(s Shard, items []item.Item) (mine, others []item.Item) {
	for _, todo := range items {
		if s.Has(d.Lot(todo)) {
			mine = append(mine, todo)
		} else {
			others = append(others, todo)
		}
	}
	return mine, others
}

// Stack is the stack that an item is of, "" while that is not known.
func (d Dealer) Stack(todo item.Item) string {
	if standing := d.records[record.RefOf(todo)]; standing != nil && len(standing.Stacks) > 0 {
		return standing.Stacks[0]
	}
	return d.Scope.Named(todo, d.stacks)
}

// Lot is the lot of an item.
func (d Dealer) Lot(todo item.Item) string {
	if stack := d.Stack(todo); stack != "" && !d.Scope.Unplanned {
		return seam.StackLock(stack)
	}
	return "item " + todo.Document + " " + todo.ID
}
