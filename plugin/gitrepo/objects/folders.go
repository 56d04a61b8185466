package objects

import (
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxNames bounds how many names of folders are kept for looking paths up.
const maxNames = 1 << 19

// folders are the trees in which paths were looked up last, by name: whoever
// reads one file of a folder reads the next one too, and reading the folder
// again for each would take as long as the square of their number. The zero
// value is ready for use.
type folders struct {
	mu    sync.Mutex
	known map[plumbing.Hash]map[string]Entry
	names int
}

// folder is the entries of a tree by name, which must not be changed.
func (s *Store) folder(tree plumbing.Hash) (map[string]Entry, error) {
	s.folders.mu.Lock()
	names, ok := s.folders.known[tree]
	s.folders.mu.Unlock()
	if ok {
		return names, nil
	}
	entries, err := s.Tree(tree)
	if err != nil {
		return nil, err
	}
	names = make(map[string]Entry, len(entries))
	for _, e := range entries {
		if _, twice := names[e.Name]; !twice {
			names[e.Name] = e
		}
	}
	s.folders.keep(tree, names)
	return names, nil
}

func (f *folders) keep(tree plumbing.Hash, names map[string]Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names += len(names) + 1; f.known == nil || f.names > maxNames {
		f.known, f.names = map[plumbing.Hash]map[string]Entry{}, len(names)+1
	}
	f.known[tree] = names
}
