package markdown

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// pointerStart begins a file that Git LFS keeps elsewhere, see
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
const pointerStart = "version https://git-lfs.github.com/spec/v1\n"

// Limits of documents that are made of very little text in very many pieces.
// Every line, list, quote and item costs time and memory whatever its length,
// so a document of tiny ones is read no further than one of ordinary ones
// would be. Nobody writes such documents.
const (
	maxBytes    = 16 << 20 // of a document
	indentPiece = 8        // columns of indentation and marks that count as a line
	pieceBytes  = 16       // of a document for each line that is not blank
	freePieces  = 2000     // beyond these
)

// Refused says why nothing of the page is read, and where that begins; the code
// is "" for a page that is read.
func (p *Page) Refused() (at int, code reason.Code, why string) {
	if encoding := p.encoding(); encoding != "" {
		return 0, reason.InvisibleCharacters, fmt.Sprintf("the document is %s, not UTF-8, and nothing of it was read; convert it with iconv -f %s -t UTF-8", encoding, encoding)
	}
	if strings.HasPrefix(p.Text, pointerStart) {
		return 0, reason.LFSPointer, "the document is a pointer of Git LFS, and nothing of its text is in the repository; take documents out of LFS: git lfs untrack PATTERN, then git add --renormalize"
	}
	if len(p.Text) > maxBytes {
		return 0, reason.TooComplex, fmt.Sprintf("the document has %d bytes, over 16 MiB", len(p.Text))
	}
	// A scan of its own before goldmark's, which would be slow on such documents: a
	// line deep in a list costs time for every list around it.
	pieces, limit := 0, freePieces+len(p.Text)/pieceBytes
	for line := range strings.Lines(p.Text) {
		if strings.TrimSpace(line) != "" {
			marks := line[:len(line)-len(strings.TrimLeft(line, " \t>*+-.)0123456789"))]
			pieces += 1 + (len(marks)+3*strings.Count(marks, "\t"))/indentPiece
		}
		if pieces > limit {
			return at, reason.TooComplex, fmt.Sprintf("the document has over %d lines and list items, which is more than one in %d bytes", limit, pieceBytes)
		}
		at += len(line)
	}
	return 0, "", ""
}

// encoding is that of a page which is not UTF-8 but UTF-16, under the name that
// iconv knows it by; "" for any other page. UTF-16 writes every ASCII character
// with a zero byte, first in big-endian order. A stray one in UTF-8 is a control
// character of its line, so only many of them tell of UTF-16.
func (p *Page) encoding() string {
	head := p.Text[:min(len(p.Text), 4<<10)]
	var zeros [2]int
	for i := range len(head) {
		if head[i] == 0 {
			zeros[i%2]++
		}
	}
	switch all := zeros[0] + zeros[1]; {
	case all > 0 && (strings.HasPrefix(head, "\xff\xfe") || strings.HasPrefix(head, "\xfe\xff")):
		return "UTF-16"
	case all <= 4, all < len(head)/16, all > len(head)/2:
		return ""
	case zeros[0] > zeros[1]:
		return "UTF-16BE"
	}
	return "UTF-16LE"
}
