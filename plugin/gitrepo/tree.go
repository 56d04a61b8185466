package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// File modes that git knows.
const (
	modeTree    uint32 = 0o040000
	modeFile    uint32 = 0o100644
	modeProgram uint32 = 0o100755
	modeLink    uint32 = 0o120000
	modeModule  uint32 = 0o160000
	modeMask    uint32 = 0o170000
)

// entry is one line of a tree object.
type entry struct {
	name string
	mode uint32
	hash plumbing.Hash
}

func (e entry) isTree() bool { return e.mode&modeMask == modeTree }

// isBlob tells whether the entry is a file, a program or a link.
func (e entry) isBlob() bool { return !e.isTree() && e.mode&modeMask != modeModule }

// parseTree reads a tree object. It accepts what git accepts when reading;
// what a tree may contain at all is checked on import.
func parseTree(data []byte) ([]entry, error) {
	var entries []entry
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
		e := entry{name: string(name), mode: uint32(bits)}
		data = rest[copy(e.hash[:], rest):]
		entries = append(entries, e)
	}
	return entries, nil
}

// encodeTree is the tree object of the entries, in git's order.
func encodeTree(entries []entry) []byte {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(sortKey(a), sortKey(b)) })
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%o %s\x00", e.mode, e.name)
		b.Write(e.hash[:])
	}
	return b.Bytes()
}

// sortKey is the name as git compares it: folders as if they ended in a slash.
func sortKey(e entry) string {
	if e.isTree() {
		return e.name + "/"
	}
	return e.name
}

// tree reads a tree object. The zero hash is the empty tree.
func (s *store) tree(h plumbing.Hash) ([]entry, error) {
	if h.IsZero() {
		return nil, nil
	}
	_, data, err := s.get(plumbing.TreeObject, h)
	if err != nil {
		return nil, err
	}
	entries, err := parseTree(data)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", h, err)
	}
	return entries, nil
}

// maxFiles is how many files a commit may have for its files to be listed.
const maxFiles = 1 << 20

// maxDepth bounds how deep folders may nest, against trees made to exhaust.
const maxDepth = 256

// difference is one path whose entry differs between two trees. A missing
// side is nil. Folders never appear themselves.
type difference struct {
	path     string
	old, new *entry
}

// errTooMany ends a comparison that found more than its caller wants to know.
var errTooMany = errors.New("too many files, or folders nested too deep")

// diff compares two trees, skipping equal folders, and returns the paths that
// differ, sorted. More than limit of them are an error.
func (s *store) diff(before, after plumbing.Hash, limit int) ([]difference, error) {
	if err := errors.Join(s.needFolders(before), s.needFolders(after)); err != nil {
		return nil, err
	}
	d := differ{store: s, limit: limit}
	if err := d.folder(before, after, "", 0); err != nil {
		return nil, err
	}
	slices.SortFunc(d.found, func(a, b difference) int { return strings.Compare(a.path, b.path) })
	return d.found, nil
}

type differ struct {
	store *store
	limit int
	steps int
	found []difference
}

func (d *differ) folder(before, after plumbing.Hash, prefix string, depth int) error {
	if before == after {
		return nil
	}
	// A small tree can name one folder many times over on many levels.
	if d.steps++; d.steps > 10*d.limit || depth > maxDepth {
		return errTooMany
	}
	olds, err := d.store.tree(before)
	if err != nil {
		return err
	}
	news, err := d.store.tree(after)
	if err != nil {
		return err
	}
	index := make(map[string]*entry, len(news))
	for i := range news {
		index[news[i].name] = &news[i]
	}
	for i := range olds {
		if err := d.pair(prefix+olds[i].name, &olds[i], index[olds[i].name], depth); err != nil {
			return err
		}
		delete(index, olds[i].name)
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
func (d *differ) pair(path string, before, after *entry, depth int) error {
	if before != nil && after != nil && before.mode == after.mode && before.hash == after.hash {
		return nil
	}
	var folders [2]plumbing.Hash
	if before != nil && before.isTree() {
		folders[0], before = before.hash, nil
	}
	if after != nil && after.isTree() {
		folders[1], after = after.hash, nil
	}
	if before != nil || after != nil {
		if len(d.found) >= d.limit || len(path) > maxPath {
			return errTooMany
		}
		d.found = append(d.found, difference{path: path, old: before, new: after})
	}
	return d.folder(folders[0], folders[1], path+"/", depth+1)
}

// find is the entry at a path below a tree, or ErrNotFound.
func (s *store) find(root plumbing.Hash, path string) (entry, error) {
	at := entry{mode: modeTree, hash: root}
	for part := range strings.SplitSeq(path, "/") {
		if !at.isTree() {
			return entry{}, ErrNotFound
		}
		names, err := s.folder(at.hash)
		if err != nil {
			return entry{}, err
		}
		var there bool
		if at, there = names[part]; !there {
			return entry{}, ErrNotFound
		}
	}
	return at, nil
}

// errCollides says that a file stands where a folder must be, or the reverse.
var errCollides = errors.New("a file and a folder have the same path")

// edit writes the tree with the given paths replaced, added, or, where the
// entry is nil, removed. Folders that become empty vanish, as in git.
func (s *store) edit(root plumbing.Hash, changes map[string]*entry) (plumbing.Hash, error) {
	// Files go before others come: a folder may take the place of a file.
	var steps [2]map[string]*entry
	for path, e := range changes {
		i := 0
		if e != nil {
			i = 1
		}
		if steps[i] == nil {
			steps[i] = map[string]*entry{}
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
		return s.put(plumbing.TreeObject, nil)
	}
	return h, nil
}

func (s *store) editFolder(root plumbing.Hash, changes map[string]*entry) (h plumbing.Hash, empty bool, err error) {
	entries, err := s.tree(root)
	if err != nil {
		return h, false, err
	}
	below := map[string]map[string]*entry{}
	for path, e := range changes {
		name, rest, deeper := strings.Cut(path, "/")
		if !deeper {
			if entries, err = replaceFile(entries, name, e); err != nil {
				return h, false, fmt.Errorf("%s: %w", path, err)
			}
			continue
		}
		if below[name] == nil {
			below[name] = map[string]*entry{}
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
	h, err = s.put(plumbing.TreeObject, encodeTree(entries))
	return h, false, err
}

func replaceFile(entries []entry, name string, e *entry) ([]entry, error) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
	if i >= 0 && entries[i].isTree() {
		return nil, errCollides
	}
	if i >= 0 {
		entries = slices.Delete(entries, i, i+1)
	}
	if e != nil {
		entries = append(entries, entry{name: name, mode: e.mode, hash: e.hash})
	}
	return entries, nil
}

func (s *store) replaceFolder(entries []entry, name string, sub map[string]*entry) ([]entry, error) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
	var old plumbing.Hash
	if i >= 0 {
		if !entries[i].isTree() {
			return nil, errCollides
		}
		old = entries[i].hash
		entries = slices.Delete(entries, i, i+1)
	}
	h, empty, err := s.editFolder(old, sub)
	if err != nil || empty {
		return entries, err
	}
	return append(entries, entry{name: name, mode: modeTree, hash: h}), nil
}
