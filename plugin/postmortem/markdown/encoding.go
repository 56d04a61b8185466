package markdown

import "strings"

// PointerStart begins a file that Git LFS keeps elsewhere, see
// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md.
const PointerStart = "version https://git-lfs.github.com/spec/v1\n"

// UTF-16 writes every ASCII character with a zero byte. A stray one in UTF-8 is
// a control character of its line, so only many of them tell of UTF-16.
const (
	encodingScan = 4 << 10 // bytes looked at
	fewZeros     = 4       // of any document
	zeroShare    = 16      // one zero byte in as many is more than strays
)

// OtherEncoding is the encoding of a document that is not UTF-8 but UTF-16,
// under the name that iconv knows it by; "" for any other document.
func OtherEncoding(text string) string {
	head := text[:min(len(text), encodingScan)]
	zeros := strings.Count(head, "\x00")
	marked := strings.HasPrefix(head, "\xff\xfe") || strings.HasPrefix(head, "\xfe\xff")
	switch {
	case marked && zeros > 0:
		return "UTF-16"
	case zeros <= fewZeros, zeros < len(head)/zeroShare, zeros > len(head)/2:
		return ""
	}
	first := 0
	for i := 0; i < len(head); i += 2 {
		if head[i] == 0 {
			first++
		}
	}
	// The byte that is zero comes first in big-endian order.
	if first > zeros/2 {
		return "UTF-16BE"
	}
	return "UTF-16LE"
}
