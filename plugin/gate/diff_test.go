package gate_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func added(name, text string) item.File {
	return item.File{Path: name, Kind: item.Added, NewMode: 0o100644, NewSize: int64(len(text)), New: []byte(text)}
}

func policy() gate.DiffPolicy {
	return gate.DiffPolicy{AllowPaths: []string{"stacks/**"}, Stacks: []string{"stacks/*"}, BasePaths: []string{"stacks/monitoring/main.tf"}}
}

func codes(v item.Verdict) []reason.Code {
	var list []reason.Code
	for _, f := range v.Findings {
		list = append(list, f.Code)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestVerdictNamesTheStack(t *testing.T) {
	verdict := gate.Compare(item.Change{Files: []item.File{added("stacks/monitoring/x.tf", "locals {}\n")}}, policy()).Verdict()
	if !verdict.Passed() || verdict.Stack != "stacks/monitoring" {
		t.Errorf("%+v", verdict)
	}
	verdict = gate.Compare(item.Change{Files: []item.File{added("stacks/monitoring/x.sh", "")}}, policy()).Verdict()
	if verdict.Passed() || verdict.Stack != "stacks/monitoring" {
		t.Errorf("a refused change of one stack still names it: %+v", verdict)
	}
}

// An empty policy allows nothing.
func TestEmptyPolicyRefuses(t *testing.T) {
	got := codes(gate.Compare(item.Change{Files: []item.File{added("stacks/monitoring/x.tf", "locals {}\n")}}, gate.DiffPolicy{}).Verdict())
	if !slices.Equal(got, []reason.Code{reason.NoStack, reason.OutsideAllowPaths}) {
		t.Errorf("%q", got)
	}
}

func TestThreat4_BinariesAndUnreadContent(t *testing.T) {
	for name, c := range map[string]struct {
		file item.File
		want reason.Code
	}{
		"NUL":                       {added("stacks/monitoring/x.txt", "a\x00b"), reason.Binary},
		"invalid UTF-8":             {added("stacks/monitoring/x.txt", "a\xff"), reason.Binary},
		"escape":                    {added("stacks/monitoring/x.txt", "a\x1b[2J"), reason.Binary},
		"zero-width joiner":         {added("stacks/monitoring/x.txt", "a\u200db"), reason.Binary},
		"over the reader's cap":     {item.File{Path: "stacks/monitoring/x.txt", Kind: item.Added, NewMode: 0o100644, NewSize: 5}, reason.ContentMissing},
		"old over the reader's cap": {item.File{Path: "stacks/monitoring/x.txt", Kind: item.Modified, OldMode: 0o100644, NewMode: 0o100644, OldSize: 5, New: []byte("a")}, reason.ContentMissing},
		"unknown kind":              {item.File{Path: "stacks/monitoring/x.txt", Kind: "copied", OldMode: 0o100644, NewMode: 0o100644, New: []byte("a")}, reason.ModeChange},
		"group-writable":            {item.File{Path: "stacks/monitoring/x.txt", Kind: item.Added, NewMode: 0o100664, New: []byte("a")}, reason.ModeChange},
	} {
		if got := codes(gate.Compare(item.Change{Files: []item.File{c.file}}, policy()).Verdict()); !slices.Equal(got, []reason.Code{c.want}) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A finding about a secret says where it is, never what it is.
func TestThreat9_SecretsAreNotRepeated(t *testing.T) {
	key := "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\nbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQy\n-----END OPENSSH PRIVATE KEY-----\n"
	p := policy()
	p.Secrets = []secret.String{secret.New(key), secret.New("hunter2hunter2"), secret.New("abc"), secret.New("")}
	for _, text := range []string{"x: b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n", "x: hunter2hunter2\n", "x: aHVudGVyMmh1bnRlcjI=\n", "password: kJ8fQ2mN5xR7wZ1v\n"} {
		verdict := gate.Compare(item.Change{Files: []item.File{added("stacks/monitoring/x.yaml", text)}}, p).Verdict()
		if !slices.Equal(codes(verdict), []reason.Code{reason.Secret}) {
			t.Errorf("%q: %v", text, verdict.Findings)
		}
		if strings.Contains(fmt.Sprint(verdict), strings.Fields(text)[1]) {
			t.Errorf("the finding repeats the secret: %v", verdict.Findings)
		}
	}
	if verdict := gate.Compare(item.Change{Files: []item.File{added("stacks/monitoring/x.yaml", "x: abc\n")}}, p).Verdict(); !verdict.Passed() {
		t.Errorf("a secret of three letters occurs in any text: %v", verdict.Findings)
	}
}

// A parser that calls itself must not be driven to the end of its stack.
func TestThreat7_HostileTerraformFiles(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":    "locals {\n a = " + strings.Repeat("[", 20000),
		"parentheses": "locals {\n a = " + strings.Repeat("(", 20000) + strings.Repeat(")", 20000) + "\n}\n",
		"templates":   "locals {\n a = " + strings.Repeat(`"${`, 6000),
		"negations":   "locals {\n a = " + strings.Repeat("!", 20000) + "true\n}\n",
		"minus":       "locals {\n a = " + strings.Repeat("-", 20000) + "1\n}\n",
		"conditions":  "locals {\n a = " + strings.Repeat("true ? 1 : ", 2000) + "1\n}\n",
		"over lines":  "locals {\n a = (" + strings.Repeat("true ? 1 :\n", 2000) + "1)\n}\n",
		"blocks":      strings.Repeat("a {\n", 10000),
		"operators":   "locals {\n a = 1" + strings.Repeat(" + 1", 5000) + "\n}\n",
		"comparisons": "locals {\n a = true" + strings.Repeat(" && true", 2000) + "\n}\n",
		"indexes":     "locals {\n a = b" + strings.Repeat("[0]", 5000) + "\n}\n",
		"splats":      "locals {\n a = b" + strings.Repeat(".*.c", 2000) + "\n}\n",
		"elses":       "locals {\n a = \"" + strings.Repeat("%{ if a }", 2000) + "\"\n}\n",
	} {
		verdict := gate.Compare(item.Change{Files: []item.File{added("stacks/monitoring/x.tf", text)}}, policy()).Verdict()
		if name != "comparisons" && name != "indexes" && // these do not nest
			!slices.Contains(codes(verdict), reason.HCLUnreadable) {
			t.Errorf("%s: %v", name, verdict.Findings)
		}
	}
}

func TestAChangeHasALimitOfFilesAndBytes(t *testing.T) {
	many := func(n int, text string) (c item.Change) {
		for i := range n {
			c.Files = append(c.Files, added(fmt.Sprintf("stacks/monitoring/f%d.txt", i), text))
		}
		return c
	}
	for _, test := range []struct {
		change item.Change
		want   []reason.Code
	}{
		{many(20, "a\n"), nil},
		{many(21, "a\n"), []reason.Code{reason.TooManyFiles}},
		{many(2, strings.Repeat("a\n", 1<<18)), nil},
		{many(2, strings.Repeat("a\n", 1<<18+1)), []reason.Code{reason.TooManyBytes}},
	} {
		if got := codes(gate.Compare(test.change, policy()).Verdict()); !slices.Equal(got, test.want) {
			t.Errorf("%d files of %d bytes: %v, want %v", len(test.change.Files), test.change.Files[0].NewSize, got, test.want)
		}
	}
}

// Every code of the gates is shown by a fixture or a test.
func TestCodes(t *testing.T) {
	var shown strings.Builder
	for _, folder := range []string{"testdata/diff", "testdata/plan"} {
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(path.Join(folder, file.Name()))
			if err != nil {
				t.Fatal(err)
			}
			_, want, _ := strings.Cut(string(text), "-- want --\n")
			shown.WriteString("\n" + want)
		}
	}
	elsewhere := []reason.Code{reason.GateError, reason.Unproved, reason.TooManyFindings, reason.ContentMissing, reason.TooManyFiles, reason.TooManyBytes}
	checked := 0
	for _, group := range reason.Groups() {
		if !strings.Contains(group.Title, " gate: ") {
			continue
		}
		for _, one := range group.Reasons {
			checked++
			if code := string(one.Code); !strings.Contains(shown.String(), "\n"+code+" ") && !strings.Contains(shown.String(), "\n"+code+"\n") && !slices.Contains(elsewhere, one.Code) {
				t.Errorf("no fixture shows %q", code)
			}
		}
	}
	if checked < 60 {
		t.Errorf("only %d codes", checked)
	}
}

// FuzzDiffPaths: a path that passes is plain ASCII below the one stack, names
// nothing protected in any case, and is of a known kind.
func FuzzDiffPaths(f *testing.F) {
	for _, name := range []string{
		"stacks/monitoring/x.tf", "stacks/monitoring/../vault/x.tf", "stacks/monitoring/.woodpecker/x.yml", "stacks/monitoring/CLAUDE.md", "stacks/monitoring/ＣLAUDE.md",
		"stacks/monitoring/x.tfvars", "stacks/monitoring/terragrunt.hcl", "stacks/monitoring/.git/config", "stacks/monitoring/a b.yaml", "stacks/monitoring/-x.tf", "stacks/monitoring//x.tf",
		"/stacks/monitoring/x.tf", "stacks\\monitoring\\x.tf", "stacks/monitoring/x.tf.", "stacks/monitoring/x_override.tf", "stacks/monitoring/terraform.tfstate.json", "scripts/tg",
	} {
		f.Add(name)
	}
	protected := regexp.MustCompile(`(?i)(^|/)\.|(^|/)jenkinsfile|(^|/)(claude|agents)\.md$|terragrunt|\.hcl($|\.)|tfvars|tfstate|\.tf\.json$|(^|/|_)override\.tf$|(^|/)vault/|(^|/)hooks/|-version$`)
	plain := regexp.MustCompile(`^stacks/monitoring/[A-Za-z0-9_.@+=,() /-]+\.[A-Za-z]+$`)
	f.Fuzz(func(t *testing.T, name string) {
		p := policy()
		p.Wrapper = "scripts/tg"
		p.Protected = []string{"vault"}
		if !gate.Compare(item.Change{Files: []item.File{added(name, "x: 1\n")}}, p).Verdict().Passed() {
			return
		}
		if !plain.MatchString(name) || protected.MatchString(name) || path.Clean(name) != name || strings.Contains(name, "/-") {
			t.Errorf("%q passed", name)
		}
	})
}

func TestRootOfTheRepositoryMayBeTheStack(t *testing.T) {
	p := gate.DiffPolicy{
		AllowPaths: []string{"**"}, Stacks: []string{"."}, Protected: []string{"vault"}, StatePaths: []string{"state/**"}, Documents: []string{"docs/post-mortems/*.md"},
		BasePaths: []string{"main.tf", "modules/nfs/main.tf", "modules/vault/main.tf"},
		BaseFiles: map[string][]byte{"main.tf": []byte("module \"nfs\" {\n  source = \"./modules/nfs\"\n}\n"), "modules/nfs/main.tf": []byte("locals {}\n")},
	}
	for file, want := range map[string]reason.Code{
		"more.tf": "", "modules/nfs/more.tf": "", "values/nfs.yaml": "",
		"modules/vault/more.tf": reason.ProtectedStack, "vault.tf": reason.ProtectedStack, "docs/post-mortems/2026-01-01-a.md": reason.PathDenied,
		"Docs/Post-Mortems/a.md": reason.PathDenied, "scripts/tg": reason.PathDenied,
	} {
		verdict := gate.Compare(item.Change{Files: []item.File{added(file, "")}}, p).Verdict()
		if verdict.Stack != "." || verdict.Passed() != (want == "") || want != "" && !slices.Contains(codes(verdict), want) {
			t.Errorf("%s: stack %q, %v", file, verdict.Stack, verdict.Findings)
		}
	}
	p.BasePaths = append(p.BasePaths, "state/prod.tfstate.enc")
	if got := codes(gate.Compare(item.Change{Files: []item.File{added("more.tf", "")}}, p).Verdict()); !slices.Equal(got, []reason.Code{reason.StateInGit}) {
		t.Errorf("%q", got)
	}
	unplanned := p
	unplanned.Unplanned = true
	if got := gate.Compare(item.Change{Files: []item.File{added("more.yaml", "a: b\n")}}, unplanned).Verdict(); !got.Passed() {
		t.Errorf("where nothing is planned, tracked state is nobody's trouble: %v", got.Findings)
	}
	if got := gate.Hopeless([]string{"."}, p); len(got) == 0 || got[0].Code != reason.StateInGit {
		t.Errorf("%v", got)
	}
}

func TestSharedModuleIsOfEveryStackThatUsesIt(t *testing.T) {
	call := func(source string) []byte { return []byte("module \"x\" {\n  source = \"" + source + "\"\n}\n") }
	p := gate.DiffPolicy{
		AllowPaths: []string{"stacks/**", "modules/**"}, Stacks: []string{"stacks/*"}, Protected: []string{"vault"}, ByHand: true, BaseFiles: map[string][]byte{
			"stacks/a/main.tf": call("../../modules/outer"), "stacks/b/main.tf": call("../../modules/inner"), "stacks/c/main.tf": []byte("locals {}\n"),
			"stacks/d/main.tf": call("../c/lib"), "stacks/c/lib/main.tf": []byte("locals {}\n"), "stacks/vault/main.tf": call("../../modules/secret"),
			"modules/outer/main.tf": call("../inner"), "modules/inner/main.tf": []byte("locals {}\n"), "modules/alone/main.tf": []byte("locals {}\n"), "modules/secret/main.tf": []byte("locals {}\n"),
		},
	}
	for name := range p.BaseFiles {
		p.BasePaths = append(p.BasePaths, name)
	}
	judge := func(p gate.DiffPolicy, files ...string) (said string) {
		var change item.Change
		for _, file := range files {
			change.Files = append(change.Files, added(file, ""))
		}
		verdict := gate.Compare(change, p).Verdict()
		said = strings.Join(verdict.Stacks, " ")
		if verdict.ByHand {
			said += " by hand"
		}
		for _, code := range codes(verdict) {
			said += " " + string(code)
		}
		return said
	}
	for files, want := range map[string]string{
		"stacks/a/x.tf": "stacks/a", "modules/inner/x.tf": "stacks/a stacks/b by hand", "modules/outer/x.tf": "stacks/a by hand",
		"stacks/c/x.tf": "stacks/c", "stacks/c/lib/x.tf": "stacks/c stacks/d by hand", "stacks/b/x.tf modules/inner/x.tf": "stacks/a stacks/b by hand",
		"modules/alone/x.tf": " by hand no-stack", "stacks/a/x.tf modules/alone/x.tf": "stacks/a by hand no-stack", "stacks/a/x.tf stacks/b/x.tf": "stacks/a stacks/b several-stacks",
		"modules/secret/x.tf": "stacks/vault by hand protected-stack", "modules/new/x.tf": " by hand no-stack",
	} {
		if got := judge(p, strings.Fields(files)...); got != want {
			t.Errorf("%s: %q, want %q", files, got, want)
		}
	}
	applied := p
	applied.ByHand = false
	for file, want := range map[string]string{"modules/inner/x.tf": " shared-module", "stacks/c/lib/x.tf": "stacks/c shared-module", "stacks/c/x.tf": "stacks/c"} {
		if got := judge(applied, file); got != want {
			t.Errorf("where changes are applied, %s: %q, want %q", file, got, want)
		}
	}
	p.BaseFiles["stacks/c/more.tf"] = []byte("module \"y\" {\n  source = var.where\n}\n")
	if got := judge(p, "modules/inner/x.tf"); got != "stacks/a stacks/b by hand shared-module" {
		t.Errorf("with a caller that nobody knows: %q", got)
	}
}

func TestStackWithTrackedStateIsNeverAppliedHere(t *testing.T) {
	p := policy()
	p.StatePaths = []string{"state/**"}
	p.BasePaths = append(p.BasePaths, "state/stacks/monitoring/terraform.tfstate.enc")
	change := item.Change{Files: []item.File{added("stacks/monitoring/x.tf", "locals {}\n")}}
	if got := codes(gate.Compare(change, p).Verdict()); !slices.Equal(got, []reason.Code{reason.StateInGit}) {
		t.Errorf("%q", got)
	}
	p.ByHand = true
	if got := gate.Compare(change, p).Verdict(); !got.Passed() || !got.ByHand || got.Stack != "stacks/monitoring" {
		t.Errorf("%+v", got)
	}
}
