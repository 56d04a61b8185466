// Package linelog keeps lines in the files of a commit's folder. Appending writes the
// newest file again and nothing else, and once that has grown the next one is
// begun: what an append sends does not grow with the log. Compacting puts a summary
// in the place of the older files.
package linelog

import (
	"bytes"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
)

const (
	partFull  = 64 << 10 // bytes from which on the next file is begun
	fileMost  = 1 << 20  // bytes up to which lines are written into one file
	loose     = 1 << 20  // bytes after the last summary that make a new one worth while
	most      = 64 << 20 // bytes that are read of a log
	mostParts = 1024     // files that are read of a log
)

// Log is a log as far as it can be read.
type Log struct {
	Lines     []byte // in the order in which they were appended, each with its line feed
	Unread    int    // files of the log that cannot be read
	Overgrown bool   // Compact would make it smaller
}

// Read is the log of a commit, empty for the zero hash. Files that are damaged, or
// more than a log can have, are passed over and counted.
func Read(store *objects.Store, commit plumbing.Hash) (Log, error) {
	all, unread, err := readParts(store, commit)
	if err != nil {
		return Log{}, err
	}
	log, summary := Log{Unread: unread}, 0
	for _, p := range all {
		if p.text == nil {
			log.Unread++
		}
		if p.kind == summaryPart {
			summary += len(p.text)
		}
		log.Lines = append(log.Lines, p.text...)
	}
	log.Overgrown = log.Unread > 0 || len(log.Lines)-summary > max(loose, summary)
	return log, nil
}

// Has reports whether lines were appended to the log of a commit, and not summed up
// since.
func Has(store *objects.Store, commit plumbing.Hash, lines []byte) (bool, error) {
	all, _, err := readParts(store, commit)
	return slices.ContainsFunc(all, func(p part) bool {
		return p.kind != summaryPart && (bytes.HasPrefix(p.text, lines) || bytes.Contains(p.text, append([]byte("\n"), lines...)))
	}), err
}

// Append makes the folder of a log that has lines more than that of a commit.
func Append(store *objects.Store, commit plumbing.Hash, lines []byte) (tree plumbing.Hash, err error) {
	all, _, err := partsOf(store, commit)
	if err != nil {
		return tree, err
	}
	older, newest := all.split()
	if len(newest) > 0 {
		if err := newest.read(store); err != nil {
			return tree, err
		}
		switch text := newest[0].text; {
		case text == nil:
			// It cannot be read, and could not be sent under another name.
		case len(text) < partFull:
			lines = append(text, lines...)
		default:
			older = older.add(newest[0])
		}
	}
	if older, err = older.write(store, newestPart, lines); err != nil {
		return tree, err
	}
	return older.tree(store)
}

// Compact makes the folder of a log that begins with a summary of all but the newest
// lines of that of a commit, or returns the zero hash when that has nothing to sum up.
// What cannot be read of it is left out.
func Compact(store *objects.Store, commit plumbing.Hash, summarise func(lines []byte) ([]byte, error)) (tree plumbing.Hash, err error) {
	all, unread, err := readParts(store, commit)
	if err != nil {
		return tree, err
	}
	older, newest := all.split()
	if len(newest) > 0 && (newest[0].text == nil || len(newest[0].text) >= partFull) {
		older, newest = append(older, newest...), nil
	}
	var lines []byte
	loose := unread > 0
	for _, p := range older {
		lines = append(lines, p.text...)
		loose = loose || p.kind != summaryPart || p.text == nil
	}
	if !loose {
		return tree, nil
	}
	summary, err := summarise(lines)
	if err != nil {
		return tree, err
	}
	made, err := parts(nil).write(store, summaryPart, summary)
	if err != nil {
		return tree, err
	}
	return append(made, newest...).tree(store)
}

// readParts are the files of a log with their texts, and how many more there are.
func readParts(store *objects.Store, commit plumbing.Hash) (all parts, unread int, err error) {
	if all, unread, err = partsOf(store, commit); err == nil {
		err = all.read(store)
	}
	return all, unread, err
}

// Files are the files of the log of a commit, as far as their names are here.
func Files(store *objects.Store, commit plumbing.Hash) (files []plumbing.Hash) {
	if !store.Has(commit) {
		return nil
	}
	c, err := store.Commit(commit)
	if err != nil || !store.Has(c.TreeHash) {
		return nil
	}
	all, _, err := partsOf(store, commit)
	if err != nil {
		return nil
	}
	for _, p := range all {
		files = append(files, p.hash)
	}
	return files
}
