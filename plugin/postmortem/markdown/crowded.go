package markdown

import (
	"fmt"
	"strings"
)

// TooLongLine reports whether a line is longer than anybody reads.
func TooLongLine(line Span) bool { return line.End-line.Start > MaxLine }

// Limits of documents that are made of very little text in very many pieces.
// Every line, list, quote and item costs time and memory whatever its length,
// so a document of tiny ones is read no further than one of ordinary ones
// would be. Nobody writes such documents.
const (
	maxBytes    = 16 << 20 // of a document
	indentPiece = 8        // columns of indentation and marks that count as a line
	pieceBytes  = 16       // of a document for each line that is not blank
	freePieces  = 2000     // beyond these
	ItemBytes   = 72       // of a document for each item
	freeItems   = 500      // beyond these
	mostItems   = 150_000  // of any document
)

// ItemLimit is how many items a document of a size may have.
func ItemLimit(size int) int { return min(freeItems+size/ItemBytes, mostItems) }

// pieceLimit is how many pieces a document of a size may have.
func pieceLimit(size int) int { return freePieces + size/pieceBytes }

// Crowded says why a document is too complex to be read at all, and where that
// begins; "" when it is not. It is a scan of its own before goldmark's, which
// would be slow on such documents: a line deep in a list costs time for every
// list around it.
func Crowded(text string) (at int, why string) {
	if len(text) > maxBytes {
		return 0, fmt.Sprintf("the document has %d bytes, over 16 MiB", len(text))
	}
	pieces, limit := 0, pieceLimit(len(text))
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text) - start
		}
		line := text[start : start+end]
		if strings.TrimSpace(line) != "" {
			marks := line[:len(line)-len(strings.TrimLeft(line, " \t>*+-.)0123456789"))]
			pieces += 1 + (len(marks)+3*strings.Count(marks, "\t"))/indentPiece
		}
		if pieces > limit {
			return start, fmt.Sprintf("the document has over %d lines and list items, which is more than one in %d bytes", limit, pieceBytes)
		}
		start += end + 1
	}
	return 0, ""
}
