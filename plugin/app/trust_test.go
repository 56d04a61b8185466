package app

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// git runs git on the bare repository of a site and returns what it prints.
func (s *site) git(input string, env []string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.Repo.Path()}, args...)...)
	cmd.Env = append(os.Environ(),
		"GIT_AUTHOR_NAME=mallory", "GIT_AUTHOR_EMAIL=m@example.org", "GIT_COMMITTER_NAME=mallory", "GIT_COMMITTER_EMAIL=m@example.org")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = strings.NewReader(input)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("git %q: %v: %s", args, err, complaint.String())
	}
	return strings.TrimSpace(string(out))
}

// forgery is a commit as somebody makes it who may push refs.
type forgery struct {
	parents []string          // the first is what its tree starts from
	files   map[string]string // written over it
	tree    string            // in place of files
	stack   string            // in its trailers
	plan    string            // the same
}

// forge makes the commit for an item and returns its hash.
func (s *site) forge(ref record.Ref, action string, f forgery) string {
	s.t.Helper()
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(s.t.TempDir(), "index")}
	if len(f.parents) > 0 {
		s.git("", index, "read-tree", f.parents[0])
	}
	for path, content := range f.files {
		mode := "100644"
		if strings.HasPrefix(content, "#!") {
			mode = "100755"
		}
		s.git("", index, "update-index", "--add", "--cacheinfo", mode+","+s.git(content, nil, "hash-object", "-w", "--stdin")+","+path)
	}
	tree := f.tree
	if tree == "" {
		tree = s.git("", index, "write-tree")
	}
	if f.plan == "" {
		f.plan = strings.Repeat("ab", 32)
	}
	message := record.Message(item.Item{Document: ref.Document, ID: ref.Item, Action: action}, "2026-01-01", record.Evidence{
		Document: ref.Document, Item: ref.Item, Stack: f.stack, PlanHash: f.plan,
	}, true)
	args := []string{"commit-tree", tree}
	for _, parent := range f.parents {
		args = append(args, "-p", parent)
	}
	return s.git(message, nil, args...)
}

// rows are the items of a document on the branch, by action.
func (s *site) rows(file string) map[string]record.Ref {
	s.t.Helper()
	refs := map[string]record.Ref{}
	for _, item := range postmortem.Parse(file, []byte(s.file(file)), classify.Policy{}).Items {
		refs[item.Action] = record.Ref{Document: file, Item: item.ID}
	}
	return refs
}

// withForgedAlert is the sample's document of alerts with one more.
func withForgedAlert(alerts string) string {
	return strings.Replace(alerts, "\n  YAML\n", "\n          - alert: Forged\n            expr: up == 0\n  YAML\n", 1)
}

// oddTree is a tree that fsck would not have: a name in it leads out.
func (s *site) oddTree() string {
	s.t.Helper()
	odd := s.git("100644 blob "+s.git("x", nil, "hash-object", "-w", "--stdin")+"\tx\n", nil, "mktree")
	raw := strings.ReplaceAll(s.git("", nil, "cat-file", "tree", odd), "100644 x\x00", "100644 ..\x00")
	return s.git(raw, nil, "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
}

// forgeries are journals that nobody may believe, by what is wrong with them.
func (s *site) forgeries(marker string) map[string]func(record.Ref, string) string {
	alerts := s.file("stacks/monitoring/alerts.tf")
	harmless := map[string]string{"stacks/monitoring/alerts.tf": withForgedAlert(alerts)}
	forge := func(f forgery) func(record.Ref, string) string {
		return func(ref record.Ref, action string) string {
			if f.stack == "" {
				f.stack = "stacks/monitoring"
			}
			return s.forge(ref, action, f)
		}
	}
	tip := s.tip()
	root := s.git("beside the branch\n", nil, "commit-tree", s.git("", nil, "rev-parse", tip+"^{tree}"))
	blob := s.git("x", nil, "hash-object", "-w", "--stdin")
	odd := s.oddTree()
	return map[string]func(record.Ref, string) string{
		"wrapper and pipelines": forge(forgery{parents: []string{tip}, files: map[string]string{
			".woodpecker/x.yml": "steps: []\n", "scripts/tg": "#!/bin/sh\necho \"$0 $*\" >>'" + marker + "'\nexec terraform \"$@\"\n",
		}}),
		"protected stack":   forge(forgery{parents: []string{tip}, stack: "stacks/vault", files: map[string]string{"stacks/vault/more.tf": withForgedAlert(alerts)}}),
		"stack leads out":   forge(forgery{parents: []string{tip}, stack: "../../../../etc", files: harmless}),
		"another stack":     forge(forgery{parents: []string{tip}, stack: "stacks/nfs", files: harmless}),
		"merge":             forge(forgery{parents: []string{tip, root}, files: harmless}),
		"root":              forge(forgery{files: harmless}),
		"beside the branch": forge(forgery{parents: []string{root}, files: harmless}),
		"no change":         forge(forgery{parents: []string{tip}}),
		"odd tree":          forge(forgery{parents: []string{tip}, tree: odd}),
		"no plan":           forge(forgery{parents: []string{tip}, files: harmless, plan: "../../../x"}),
		"another item's": func(record.Ref, string) string {
			return forge(forgery{parents: []string{tip}, files: harmless})(record.Ref{Document: "x.md", Item: "y"}, "x")
		},
		"no commit":              func(record.Ref, string) string { return blob },
		"a commit of the branch": func(record.Ref, string) string { return s.First },
	}
}

// TestThreat21_AForgedJournalCostsItsOwnItemOnly has journals of all kinds that
// somebody forged who may push refs, and an honest item beside them.
func TestThreat21_AForgedJournalCostsItsOwnItemOnly(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	const honest = "Add an alert on disk usage"
	marker := filepath.Join(t.TempDir(), "ran")
	o := only("2026-01-01-alert.md", "")
	o.Files["scripts/tg"] = wrapper
	rows := []string{"| P3 | " + honest + " | Alert | over 80 % | TODO |"}
	names := []string{
		"wrapper and pipelines", "protected stack", "stack leads out", "another stack", "merge", "root", "beside the branch",
		"no change", "odd tree", "no plan", "another item's", "no commit", "a commit of the branch",
	}
	for i, name := range names {
		rows = append(rows, fmt.Sprintf("| P0 | Add alert number %d, %s | Alert | at once | TODO |", i, name))
	}
	o.Files[alertDocument] = document(rows...)
	s := newSite(t, o)
	forgeries, items := s.forgeries(marker), s.rows(alertDocument)
	for i, name := range names {
		action := fmt.Sprintf("Add alert number %d, %s", i, name)
		ref, found := items[action]
		if !found {
			t.Fatalf("no item %q in %v", action, items)
		}
		if err := s.Repo.SetRef(record.JournalRef(ref), forgeries[name](ref, action)); err != nil {
			t.Fatal(err)
		}
	}
	if len(forgeries) != len(names) {
		t.Errorf("%d forgeries, %d are tried", len(forgeries), len(names))
	}
	s.wants(3, s.run(nil))
	s.nothingForged(marker)
	if calls := must[[]agent.Call](t)(s.Agent.Calls()); len(calls) != 1 {
		t.Errorf("%d agent calls, want that of the honest item", len(calls))
	}
	doc := s.file(alertDocument)
	if !strings.Contains(doc, "| over 80 % | Done |") || strings.Count(doc, "| Done |") != 1 {
		t.Errorf("the honest item is not done, or a forged one is:\n%s", doc)
	}
	told := s.told()
	for i, name := range names {
		action := fmt.Sprintf("Add alert number %d, %s", i, name)
		if told[action] != [2]string{"needs-person", string(reason.JournalNotOurs)} {
			t.Errorf("the report does not say that the journal of %q is forged", action)
		}
		if i%6 != 0 {
			continue
		}
		// A person's way out, which publishes nothing of it either.
		if err := s.settleItem(items[action].Item, true); err == nil {
			t.Errorf("%s: it is published on a person's word", name)
		}
		if err := s.settleItem(items[action].Item, false); err != nil {
			t.Errorf("%s: it cannot be given up: %v", name, err)
		}
	}
	s.nothingForged(marker)
}

// told is state and reason of each item in the summary of the last run, by action.
func (s *site) told() map[string][2]string {
	s.t.Helper()
	told := map[string][2]string{}
	for _, item := range s.items() {
		told[item["action"].(string)] = [2]string{item["state"].(string), item["reason"].(string)}
	}
	return told
}

// nothingForged checks that nothing of a forged tree ran or is on the branch.
func (s *site) nothingForged(marker string) {
	s.t.Helper()
	if ran, err := os.ReadFile(marker); err == nil {
		s.t.Errorf("the forged wrapper ran: %s", ran)
	}
	for _, path := range must[[]string](s.t)(s.Repo.Files(standin.SampleBranch)) {
		if strings.HasPrefix(path, ".woodpecker/") || path == "stacks/vault/more.tf" {
			s.t.Errorf("%s was published", path)
		}
	}
	if strings.Contains(s.file("stacks/monitoring/alerts.tf"), "alert: Forged") || strings.Contains(s.file("scripts/tg"), "echo") {
		s.t.Error("a forged tree was published")
	}
	for _, call := range must[[]terraform.Call](s.t)(s.Terraform.Calls()) {
		if !strings.HasSuffix(call.Dir, "/stacks/monitoring") {
			s.t.Errorf("terraform ran in %s", call.Dir)
		}
	}
}
