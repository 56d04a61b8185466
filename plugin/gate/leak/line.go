package leak

import "strings"

// Line is one line of a file, counted from 1.
type Line struct {
	Number int
	Text   string
}

// AddedLines is the lines of the new text that the old one does not have as
// often, so that a line that only moved is not an added one.
func AddedLines(before, after []byte) []Line {
	had := map[string]int{}
	for _, line := range strings.Split(string(before), "\n") {
		had[line]++
	}
	var added []Line
	for i, line := range strings.Split(string(after), "\n") {
		if had[line] > 0 {
			had[line]--
			continue
		}
		added = append(added, Line{i + 1, line})
	}
	return added
}
