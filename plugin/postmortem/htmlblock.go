package postmortem

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// htmlBlocks finds HTML blocks as CommonMark defines them. goldmark's own
// parser does it with seven regular expressions for every line that begins
// with <, which makes such documents many times slower than others. What
// stands in the blocks does not matter here, only where they begin and end.
type htmlBlocks struct{}

// rawElements end with their closing tag, not with a blank line.
var rawElements = []string{"script", "pre", "style", "textarea"}

var blockElements = set("address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|" +
	"fieldset|figcaption|figure|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|iframe|legend|li|link|main|menu|" +
	"menuitem|meta|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul")

func (htmlBlocks) Trigger() []byte             { return []byte{'<'} }
func (htmlBlocks) CanInterruptParagraph() bool { return true }
func (htmlBlocks) CanAcceptIndentedLine() bool { return false }

func (htmlBlocks) Close(ast.Node, text.Reader, parser.Context) {}

func (htmlBlocks) Open(_ ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, segment := reader.PeekLine()
	offset := pc.BlockOffset()
	if offset < 0 || offset >= len(line) {
		return nil, parser.NoChildren
	}
	kind := htmlKind(line[offset:], ast.IsParagraph(pc.LastOpenedBlock().Node))
	if kind == 0 {
		return nil, parser.NoChildren
	}
	node := ast.NewHTMLBlock(kind)
	node.Lines().Append(segment)
	reader.AdvanceToEOL()
	return node, parser.NoChildren
}

func (htmlBlocks) Continue(node ast.Node, reader text.Reader, _ parser.Context) parser.State {
	block, ok := node.(*ast.HTMLBlock)
	if !ok {
		return parser.Close
	}
	line, segment := reader.PeekLine()
	lines := block.Lines()
	if block.HTMLBlockType >= ast.HTMLBlockType6 {
		if len(bytes.TrimSpace(line)) == 0 {
			return parser.Close
		}
	} else {
		first := lines.At(0)
		if lines.Len() == 1 && htmlEnds(block.HTMLBlockType, first.Value(reader.Source())) {
			return parser.Close
		}
		if htmlEnds(block.HTMLBlockType, line) {
			block.ClosureLine = segment
			reader.AdvanceToEOL()
			return parser.Close
		}
	}
	lines.Append(segment)
	reader.AdvanceToEOL()
	return parser.Continue | parser.NoChildren
}

// htmlKind is which of the seven kinds of HTML block begins with a line, 0 for
// none. The last kind cannot interrupt a paragraph.
func htmlKind(line []byte, inParagraph bool) ast.HTMLBlockType {
	switch {
	case bytes.HasPrefix(line, []byte("<!--")):
		return ast.HTMLBlockType2
	case bytes.HasPrefix(line, []byte("<?")):
		return ast.HTMLBlockType3
	case bytes.HasPrefix(line, []byte("<![CDATA[")):
		return ast.HTMLBlockType5
	case len(line) > 2 && line[1] == '!':
		if c := line[2] | 0x20; c >= 'a' && c <= 'z' {
			return ast.HTMLBlockType4
		}
		return 0
	}
	closing := len(line) > 1 && line[1] == '/'
	rest := line[1:]
	if closing {
		rest = line[2:]
	}
	n := 0
	for n < len(rest) && n < 32 && (isWord(rest[n]) && rest[n] < 0x80 || n > 0 && rest[n] == '-') {
		n++
	}
	if n == 0 || rest[0] >= '0' && rest[0] <= '9' {
		return 0
	}
	name, after := lower(string(rest[:n])), rest[n:]
	bounded := len(after) == 0 || isSpace(after[0]) || after[0] == '>' || bytes.HasPrefix(after, []byte("/>"))
	for _, raw := range rawElements {
		if name == raw && !closing && bounded {
			return ast.HTMLBlockType1
		}
	}
	if blockElements[name] && bounded {
		return ast.HTMLBlockType6
	}
	if !inParagraph && loneTag(after, closing) {
		return ast.HTMLBlockType7
	}
	return 0
}

// loneTag reports whether a line holds nothing but a complete tag, whose name
// was read already. It is a little more lenient than CommonMark about
// attributes, for nothing is an item in either case.
func loneTag(after []byte, closing bool) bool {
	after = bytes.TrimSpace(after)
	if len(after) == 0 || after[len(after)-1] != '>' {
		return false
	}
	after = bytes.TrimSuffix(after[:len(after)-1], []byte{'/'})
	if closing {
		return len(bytes.TrimSpace(after)) == 0
	}
	quote := byte(0)
	for _, c := range after {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<' || c == '>' || c == '`' || c == '|':
			return false
		}
	}
	return quote == 0 && (len(after) == 0 || isSpace(after[0]))
}

// htmlEnds reports whether a line holds the end of a block of kinds 1 to 5.
func htmlEnds(kind ast.HTMLBlockType, line []byte) bool {
	switch kind {
	case ast.HTMLBlockType1:
		if !bytes.Contains(line, []byte("</")) {
			return false
		}
		low := lower(string(line))
		for _, raw := range rawElements {
			if strings.Contains(low, "</"+raw+">") {
				return true
			}
		}
		return false
	case ast.HTMLBlockType2:
		return bytes.Contains(line, []byte("-->"))
	case ast.HTMLBlockType3:
		return bytes.Contains(line, []byte("?>"))
	case ast.HTMLBlockType4:
		return bytes.IndexByte(line, '>') >= 0
	}
	return bytes.Contains(line, []byte("]]>"))
}
