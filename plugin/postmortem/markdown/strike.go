package markdown

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// strikes finds what is struck through, by one or two tildes as in GFM or by an
// element, which reaches to the end where nothing closes it. It reaches over no
// pipe: that ends a cell.
var strikes = pattern.Lazy(`~~[^\s~|](?:(?:[^~|]|~[^~|])*?[^\s~|])?~~|~[^\s~|](?:[^~|]*[^\s~|])?~|(?i:<(?:del|strike|s)(?:\s[^>|]*)?>[^|]*?(?:</(?:del|strike|s)\s*>|$|\|))`)

// Unstruck is a text without what is struck through in it outside code spans, and
// whether anything is.
func Unstruck(text string) (rest string, found bool) {
	if !strings.ContainsAny(text, "~<") {
		return text, false
	}
	masked, bare := []byte(text), WithoutCode(text)
	for i := range masked {
		if masked[i] != bare[i] {
			masked[i] = 'x'
		}
	}
	var b strings.Builder
	from := 0
	for _, at := range strikes().FindAllIndex([]byte(strings.ReplaceAll(string(masked), `\|`, "xx")), -1) {
		b.WriteString(text[from:at[0]])
		from, found = at[1], true
	}
	b.WriteString(text[from:])
	return b.String(), found
}
