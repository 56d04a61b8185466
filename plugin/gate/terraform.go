package gate

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"pm-todos/plugin/change"
)

// Limits of a Terraform file. The parser calls itself for every bracket and
// every operator before a value, so that their depth is judged before it runs.
const (
	maxHCLBytes   = 1 << 20
	maxHCLNesting = 120
	maxHCLPrefix  = 120
)

// terraformFile is one parsed *.tf file.
type terraformFile struct {
	path string
	src  []byte
	body *hclsyntax.Body
}

// readTerraform parses a *.tf file. The error names the line and the parser's
// complaint, not the text.
func readTerraform(file string, src []byte) (terraformFile, error) {
	if len(src) > maxHCLBytes {
		return terraformFile{}, fmt.Errorf("the file is larger than %d bytes", maxHCLBytes)
	}
	tokens, _ := hclsyntax.LexConfig(src, file, hcl.InitialPos)
	if tooDeep(tokens) {
		return terraformFile{}, fmt.Errorf("the file is nested too deeply to be judged")
	}
	parsed, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	if diags.HasErrors() {
		line := 0
		if diags[0].Subject != nil {
			line = diags[0].Subject.Start.Line
		}
		return terraformFile{}, fmt.Errorf("the file cannot be parsed as HCL, line %d: %s", line, diags[0].Summary)
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return terraformFile{}, fmt.Errorf("the file cannot be parsed as HCL")
	}
	return terraformFile{path: file, src: src, body: body}, nil
}

func tooDeep(tokens hclsyntax.Tokens) bool {
	var open []hclsyntax.TokenType
	prefix := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t.Type)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			open = open[:max(0, len(open)-1)]
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenQuestion, hclsyntax.TokenColon:
			prefix++
		case hclsyntax.TokenComma:
			prefix = 0
		case hclsyntax.TokenNewline:
			// A line end does not end an expression inside ( and [.
			if len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace {
				prefix = 0
			}
		}
		if len(open) > maxHCLNesting || prefix > maxHCLPrefix {
			return true
		}
	}
	return false
}

// statement is one top-level block of a folder's Terraform files.
type statement struct {
	file  terraformFile
	block *hclsyntax.Block
	text  string // the block without comments, spaces and line ends
}

func (s statement) place() string {
	return fmt.Sprintf("%s:%d", s.file.path, s.block.DefRange().Start.Line)
}

// name is the kind of the block and its labels.
func (s statement) name() string {
	return strings.Join(append([]string{s.block.Type}, s.block.Labels...), ".")
}

// folder is the Terraform files of one folder that differ, before and after.
// A folder is one module for Terraform, so that a block may move between its
// files without being another one.
type folder struct {
	path          string
	before, after []terraformFile
}

// terraform judges the Terraform files of the change.
func (d *diff) terraform() {
	folders := map[string]*folder{}
	var order []string
	broken := map[string]bool{}
	for _, file := range d.change.Files {
		if !strings.EqualFold(path.Ext(file.Path), ".tf") {
			continue
		}
		name := path.Dir(file.Path)
		if folders[name] == nil {
			folders[name] = &folder{path: name}
			order = append(order, name)
		}
		if !d.readFile(folders[name], file) {
			broken[name] = true
		}
	}
	for _, name := range order {
		// A folder with a file that cannot be read is judged all the same, so
		// that every reason is named; it is refused already.
		c := comparison{diff: d, folder: folders[name], partial: broken[name]}
		c.judge()
	}
}

// readFile parses both sides of a file into its folder.
func (d *diff) readFile(into *folder, file change.File) bool {
	good := true
	if file.Kind != change.Added && file.OldMode != modeLink && file.OldMode != modeModule {
		parsed, err := readTerraform(file.Path, file.Old)
		if err != nil {
			d.add(CodeHCL, file.Path, "before the change: "+err.Error())
			good = false
		} else {
			into.before = append(into.before, parsed)
		}
	}
	if file.Kind != change.Deleted && file.NewMode != modeLink && file.NewMode != modeModule {
		parsed, err := readTerraform(file.Path, file.New)
		if err != nil {
			d.add(CodeHCL, file.Path, err.Error())
			good = false
		} else {
			into.after = append(into.after, parsed)
		}
	}
	return good
}

// statements is the top-level blocks of files, in order.
func statements(files []terraformFile) []statement {
	var list []statement
	for _, file := range files {
		for _, block := range file.body.Blocks {
			list = append(list, statement{file, block, textOf(file.src, block.Range())})
		}
	}
	return list
}

// textOf is the tokens of a range without comments and line ends: equal for
// two pieces of configuration that mean the same to the parser.
func textOf(src []byte, r hcl.Range) string {
	if r.Start.Byte < 0 || r.End.Byte > len(src) || r.Start.Byte > r.End.Byte {
		return ""
	}
	tokens, _ := hclsyntax.LexConfig(src[r.Start.Byte:r.End.Byte], "", hcl.InitialPos)
	var b bytes.Buffer
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenComment || t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenEOF {
			continue
		}
		b.WriteRune(rune(t.Type))
		b.Write(t.Bytes)
		b.WriteByte(0)
	}
	return b.String()
}

// modulesUsed is the folders of the repository that a Terraform or Terragrunt
// file uses as modules, as sorted paths from the root. Sources outside the
// repository, and sources that are not literal, are left out.
func modulesUsed(file string, src []byte) []string {
	if !bytes.Contains(src, []byte("source")) {
		return nil
	}
	parsed, err := readTerraform(file, src)
	if err != nil {
		return nil
	}
	var used []string
	for _, block := range parsed.body.Blocks {
		if block.Type != "module" && block.Type != "terraform" {
			continue
		}
		if source, ok := literal(block.Body.Attributes["source"]); ok {
			if folder, inside := localFolder(path.Dir(file), source); inside {
				used = append(used, folder)
			}
		}
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// localFolder is the folder that a module source names, when it is a relative
// path that stays inside the repository.
func localFolder(from, source string) (string, bool) {
	if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") || strings.ContainsAny(source, "?\\") || strings.Contains(source, "::") {
		return "", false
	}
	folder := path.Join(from, source)
	if folder == ".." || strings.HasPrefix(folder, "../") || strings.HasPrefix(folder, "/") || folder == "." {
		return "", false
	}
	return folder, true
}

// literal is the text of an attribute that is a plain string.
func literal(attribute *hclsyntax.Attribute) (string, bool) {
	if attribute == nil {
		return "", false
	}
	return literalText(attribute.Expr)
}
