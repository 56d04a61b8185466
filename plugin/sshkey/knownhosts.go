package sshkey

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/skeema/knownhosts"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// KnownHosts are host keys by the names of their hosts.
type KnownHosts struct {
	*knownhosts.HostKeyDB
	Skipped []int // numbers of the lines that are not understood
}

// ReadKnownHosts reads known_hosts lines. As OpenSSH does, it skips those that
// it does not understand: keys of newer kinds, of SSH 1, damaged ones. It errs
// when none is left, and on a @revoked line that it cannot read, since skipping
// that would accept the key. The text of its errors follows the name of the
// setting that holds the lines.
func ReadKnownHosts(text string) (*KnownHosts, error) {
	file, err := os.CreateTemp("", "known_hosts") // the library reads nothing but files; the lines are public
	if err != nil {
		return nil, fmt.Errorf("is read through a temporary file: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("is read through a temporary file: %w", err)
	}
	lines := strings.Split(strings.TrimSuffix(Text(text), "\n"), "\n")
	skipped, err := skip(file.Name(), lines)
	if err != nil {
		return nil, err
	}
	db, err := knownhosts.NewDB(file.Name())
	if err != nil {
		return nil, fmt.Errorf("cannot be read as known_hosts lines: %s", firstWords(err))
	}
	return &KnownHosts{HostKeyDB: db, Skipped: skipped}, nil
}

// skip writes the lines to the file, without those that the library does not
// understand, and returns the numbers of these. Only the library's own reader
// knows them, and it stops at the first.
func skip(file string, lines []string) (skipped []int, err error) {
	understood := func(lines ...string) (bool, error) {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return false, fmt.Errorf("is read through a temporary file: %w", err)
		}
		_, wrong := xknownhosts.New(file)
		return wrong == nil, nil
	}
	if all, err := understood(lines...); all || err != nil {
		return nil, err
	}
	usable := false
	for i, line := range lines {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		switch known, err := understood(line); {
		case err != nil:
			return nil, err
		case known:
			usable = true
			continue
		case strings.HasPrefix(line, "@revoked"):
			return nil, fault.WithFix(fmt.Errorf("has a @revoked line %d that cannot be read, and to skip it could let the revoked key in", i+1), "mend it or take it out")
		}
		skipped = append(skipped, i+1)
		lines[i] = "" // the others keep their numbers
	}
	if !usable {
		return nil, fault.WithFix(errors.New("has no line that can be read"), "paste what `ssh-keyscan HOST` prints, after comparing it, as one text of several lines")
	}
	_, err = understood(lines...)
	return skipped, err
}

// Warning is what to tell about skipped lines, "" when there are none. It
// follows the name of the setting that holds the lines.
func (k *KnownHosts) Warning() string {
	if k == nil || len(k.Skipped) == 0 {
		return ""
	}
	const most = 10
	var numbers []string
	for _, n := range k.Skipped[:min(most, len(k.Skipped))] {
		numbers = append(numbers, strconv.Itoa(n))
	}
	text := "has lines that are not understood and were skipped: " + strings.Join(numbers, ", ")
	if len(k.Skipped) > most {
		text += fmt.Sprintf(" and %d more", len(k.Skipped)-most)
	}
	return text
}

// Warnings is the warning of the lines of a setting with its name in front, if
// there is one. What cannot be read at all is told elsewhere.
func Warnings(setting, lines string) []string {
	known, err := ReadKnownHosts(lines)
	if err != nil || known.Warning() == "" {
		return nil
	}
	return []string{setting + " " + known.Warning()}
}
