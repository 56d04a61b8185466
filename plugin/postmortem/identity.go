package postmortem

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
)

// identities hands out the ids of a document's items. An id depends on the
// document's path, the headings, the action and type text, and on how many
// equal items stand before; neither on the status, the padding, nor the line.
type identities struct {
	file string
	seen map[[8]byte]int
	used map[[6]byte]bool
	buf  []byte
}

func newIdentities(file string) *identities {
	return &identities{
		file: path.Clean(strings.ReplaceAll(file, `\`, "/")),
		seen: map[[8]byte]int{},
		used: map[[6]byte]bool{},
	}
}

func (n *identities) next(item *Item) string {
	n.buf = append(n.buf[:0], n.file...)
	for _, heading := range item.Heading {
		n.buf = append(append(n.buf, 0), heading...)
	}
	n.buf = append(append(n.buf, 0, 1), markdown.Squeeze(item.Action)...)
	n.buf = append(append(n.buf, 0, 2), item.cell...)
	base := sha256.Sum256(n.buf)
	same := [8]byte(base[:])
	for {
		occurrence := n.seen[same]
		n.seen[same] = occurrence + 1
		sum := base
		if occurrence > 0 {
			sum = sha256.Sum256(strconv.AppendInt(append(n.buf[:0], base[:]...), int64(occurrence), 10))
		}
		// Twelve digits are short enough to type; should two items of one
		// document ever meet in them, the later one goes on counting.
		if id := [6]byte(sum[:]); !n.used[id] {
			n.used[id] = true
			return hex.EncodeToString(id[:])
		}
	}
}
