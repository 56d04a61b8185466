package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Quote shows a value that somebody gave in a message: its control characters
// escaped, and cut, since a file pasted into the wrong place is no use in a log.
func Quote(value string) string {
	const most = 60
	value = strings.TrimSpace(value)
	if len(value) <= most {
		return strconv.Quote(value)
	}
	cut := most
	for !utf8.RuneStart(value[cut]) {
		cut--
	}
	return strconv.Quote(value[:cut]) + "…"
}
