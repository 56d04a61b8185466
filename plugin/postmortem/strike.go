package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// strikes finds what is struck through, by one or two tildes as in GFM or by an
// element, which reaches to the end where nothing closes it. It reaches over no
// pipe: that ends a cell.
var strikes = pattern.Lazy(`~~[^\s~|](?:(?:[^~|]|~[^~|])*?[^\s~|])?~~|~[^\s~|](?:[^~|]*[^\s~|])?~|(?i:<(?:del|strike|s)(?:\s[^>|]*)?>[^|]*?(?:</(?:del|strike|s)\s*>|$|\|))`)

// unstruck is a text without what is struck through in it outside code spans, and
// whether anything is.
func unstruck(text string) (rest string, found bool) {
	if !strings.ContainsAny(text, "~<") {
		return text, false
	}
	masked, bare := []byte(text), withoutCode(text)
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

// struck reports whether a whole text is struck through, but for tags before it and
// a note behind it.
func struck(text string) bool {
	rest, found := unstruck(text)
	if !found {
		return false
	}
	for tagged := true; tagged; {
		_, rest, tagged = leadTag(rest)
	}
	rest = strings.TrimLeft(rest, " *_.")
	return rest == "" || strings.IndexByte("(:-", rest[0]) >= 0 || strings.HasPrefix(rest, "—") || strings.HasPrefix(rest, "–") || strings.HasPrefix(rest, "（")
}
