package objects

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// File modes that git knows.
const (
	ModeTree    uint32 = 0o040000
	ModeFile    uint32 = 0o100644
	ModeProgram uint32 = 0o100755
	modeLink    uint32 = 0o120000
	modeModule  uint32 = 0o160000
	ModeMask    uint32 = 0o170000
)

// Entry is one line of a tree object.
type Entry struct {
	Name string
	Mode uint32
	Hash plumbing.Hash
}

// IsTree reports whether the entry is a folder.
func (e Entry) IsTree() bool { return e.Mode&ModeMask == ModeTree }

// IsBlob reports whether the entry is a file, a program or a link.
func (e Entry) IsBlob() bool { return !e.IsTree() && e.Mode&ModeMask != modeModule }

// ParseTree reads a tree object. It accepts what git accepts when reading;
// what a tree may contain at all is checked on import.
func ParseTree(data []byte) ([]Entry, error) {
	var entries []Entry
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte{' '})
		if !ok {
			return nil, errors.New("tree object: no mode")
		}
		bits, err := strconv.ParseUint(string(mode), 8, 32)
		if err != nil {
			return nil, errors.New("tree object: the mode is no octal number")
		}
		name, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(rest) < len(plumbing.ZeroHash) {
			return nil, errors.New("tree object: it is cut short")
		}
		e := Entry{Name: string(name), Mode: uint32(bits)}
		data = rest[copy(e.Hash[:], rest):]
		entries = append(entries, e)
	}
	return entries, nil
}

// EncodeTree is the tree object of the entries, in git's order.
func EncodeTree(entries []Entry) []byte {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(sortKey(a), sortKey(b)) })
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%o %s\x00", e.Mode, e.Name)
		b.Write(e.Hash[:])
	}
	return b.Bytes()
}

// sortKey is the name as git compares it: folders as if they ended in a slash.
func sortKey(e Entry) string {
	if e.IsTree() {
		return e.Name + "/"
	}
	return e.Name
}

// Tree reads a tree object. The zero hash is the empty tree.
func (s *Store) Tree(h plumbing.Hash) ([]Entry, error) {
	if h.IsZero() {
		return nil, nil
	}
	_, data, err := s.Get(plumbing.TreeObject, h)
	if err != nil {
		return nil, err
	}
	entries, err := ParseTree(data)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", h, err)
	}
	return entries, nil
}

// MaxFiles is how many files a commit may have for its files to be listed.
const MaxFiles = 1 << 20

// maxDepth bounds how deep folders may nest, against trees made to exhaust.
const maxDepth = 256

// Difference is one path whose entry differs between two trees. A missing
// side is nil. Folders never appear themselves.
type Difference struct {
	Path     string
	Old, New *Entry
}

// errTooMany ends a comparison that found more than its caller wants to know.
var errTooMany = errors.New("too many files, or folders nested too deep")

// Diff compares two trees, skipping equal folders, and returns the paths that
// differ, sorted. More than limit of them are an error.
func (s *Store) Diff(before, after plumbing.Hash, limit int) ([]Difference, error) {
	if err := errors.Join(s.needFolders(before), s.needFolders(after)); err != nil {
		return nil, err
	}
	d := differ{store: s, limit: limit}
	if err := d.folder(before, after, "", 0); err != nil {
		return nil, err
	}
	slices.SortFunc(d.found, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return d.found, nil
}

type differ struct {
	store *Store
	limit int
	steps int
	found []Difference
}

func (d *differ) folder(before, after plumbing.Hash, prefix string, depth int) error {
	if before == after {
		return nil
	}
	// A small tree can name one folder many times over on many levels.
	if d.steps++; d.steps > 10*d.limit || depth > maxDepth {
		return errTooMany
	}
	olds, err := d.store.Tree(before)
	if err != nil {
		return err
	}
	news, err := d.store.Tree(after)
	if err != nil {
		return err
	}
	index := make(map[string]*Entry, len(news))
	for i := range news {
		index[news[i].Name] = &news[i]
	}
	for i := range olds {
		if err := d.pair(prefix+olds[i].Name, &olds[i], index[olds[i].Name], depth); err != nil {
			return err
		}
		delete(index, olds[i].Name)
	}
	for name, e := range index {
		if err := d.pair(prefix+name, nil, e, depth); err != nil {
			return err
		}
	}
	return nil
}

// pair compares what two trees have at one path. A folder that became a file,
// or the reverse, is both: files that vanish and a file that appears.
func (d *differ) pair(path string, before, after *Entry, depth int) error {
	if before != nil && after != nil && before.Mode == after.Mode && before.Hash == after.Hash {
		return nil
	}
	var folders [2]plumbing.Hash
	if before != nil && before.IsTree() {
		folders[0], before = before.Hash, nil
	}
	if after != nil && after.IsTree() {
		folders[1], after = after.Hash, nil
	}
	if before != nil || after != nil {
		if len(d.found) >= d.limit || len(path) > maxPath {
			return errTooMany
		}
		d.found = append(d.found, Difference{Path: path, Old: before, New: after})
	}
	return d.folder(folders[0], folders[1], path+"/", depth+1)
}

// Find is the entry at a path below a tree, or wire.ErrNotFound.
func (s *Store) Find(root plumbing.Hash, path string) (Entry, error) {
	at := Entry{Mode: ModeTree, Hash: root}
	for part := range strings.SplitSeq(path, "/") {
		if !at.IsTree() {
			return Entry{}, wire.ErrNotFound
		}
		names, err := s.folder(at.Hash)
		if err != nil {
			return Entry{}, err
		}
		var there bool
		if at, there = names[part]; !there {
			return Entry{}, wire.ErrNotFound
		}
	}
	return at, nil
}

// FilesHere are the files of a tree that are wanted by their paths, in those
// folders that are here; none when they are more than most.
func (s *Store) FilesHere(tree plumbing.Hash, wanted func(path string) bool, most int) []plumbing.Hash {
	var found []plumbing.Hash
	steps := 0
	var folder func(tree plumbing.Hash, prefix string, depth int) error
	folder = func(tree plumbing.Hash, prefix string, depth int) error {
		// A tree can name one folder many times over on many levels.
		if steps++; steps > maxFilesHere || depth > maxDepth || len(prefix) > maxPath {
			return errTooMany
		}
		o, err := s.read(tree)
		if err != nil {
			return nil //nolint:nilerr // a folder that is not here is looked into later
		}
		entries, err := ParseTree(o.Data)
		if err != nil {
			return err
		}
		for _, e := range entries {
			switch path := prefix + e.Name; {
			case e.IsTree():
				err = folder(e.Hash, path+"/", depth+1)
			case e.IsBlob() && wanted(path):
				if found = append(found, e.Hash); len(found) > most {
					err = errTooMany
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if folder(tree, "", 0) != nil {
		return nil
	}
	return found
}

// maxFilesHere bounds the folders that filesHere looks into.
const maxFilesHere = 20000

// ErrCollides says that a file stands where a folder must be, or the reverse.
var ErrCollides = errors.New("a file and a folder have the same path")

// Edit writes the tree with the given paths replaced, added, or, where the
// entry is nil, removed. Folders that become empty vanish, as in git.
func (s *Store) Edit(root plumbing.Hash, changes map[string]*Entry) (plumbing.Hash, error) {
	// Files go before others come: a folder may take the place of a file.
	var steps [2]map[string]*Entry
	for path, e := range changes {
		i := 0
		if e != nil {
			i = 1
		}
		if steps[i] == nil {
			steps[i] = map[string]*Entry{}
		}
		steps[i][path] = e
	}
	h, empty := root, false
	for _, step := range steps {
		if step == nil {
			continue
		}
		var err error
		if h, empty, err = s.editFolder(h, step); err != nil {
			return h, err
		}
	}
	if empty {
		return s.Put(plumbing.TreeObject, nil)
	}
	return h, nil
}

func (s *Store) editFolder(root plumbing.Hash, changes map[string]*Entry) (h plumbing.Hash, empty bool, err error) {
	entries, err := s.Tree(root)
	if err != nil {
		return h, false, err
	}
	below := map[string]map[string]*Entry{}
	for path, e := range changes {
		name, rest, deeper := strings.Cut(path, "/")
		if !deeper {
			if entries, err = replaceFile(entries, name, e); err != nil {
				return h, false, fmt.Errorf("%s: %w", path, err)
			}
			continue
		}
		if below[name] == nil {
			below[name] = map[string]*Entry{}
		}
		below[name][rest] = e
	}
	for name, sub := range below {
		if entries, err = s.replaceFolder(entries, name, sub); err != nil {
			return h, false, fmt.Errorf("%s/%w", name, err)
		}
	}
	if len(entries) == 0 {
		return h, true, nil
	}
	h, err = s.Put(plumbing.TreeObject, EncodeTree(entries))
	return h, false, err
}

func replaceFile(entries []Entry, name string, e *Entry) ([]Entry, error) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if i >= 0 && entries[i].IsTree() {
		return nil, ErrCollides
	}
	if i >= 0 {
		entries = slices.Delete(entries, i, i+1)
	}
	if e != nil {
		entries = append(entries, Entry{Name: name, Mode: e.Mode, Hash: e.Hash})
	}
	return entries, nil
}

func (s *Store) replaceFolder(entries []Entry, name string, sub map[string]*Entry) ([]Entry, error) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	var old plumbing.Hash
	if i >= 0 {
		if !entries[i].IsTree() {
			return nil, ErrCollides
		}
		old = entries[i].Hash
		entries = slices.Delete(entries, i, i+1)
	}
	h, empty, err := s.editFolder(old, sub)
	if err != nil || empty {
		return entries, err
	}
	return append(entries, Entry{Name: name, Mode: ModeTree, Hash: h}), nil
}
