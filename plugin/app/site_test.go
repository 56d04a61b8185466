package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
)

// site is a stand-in world with what a test wants to know of a run in it.
type site struct {
	*standin.World
	t     *testing.T
	last  string    // log and closing table of the last run
	onLog io.Writer // gets the log of runs as it is written, may be nil

	cut      func() // ends every connection to the host
	recorded string // file in which a real Terraform's applies are noted

	patience time.Duration // with Vault, half a minute when 0
}

func newSite(t *testing.T, o standin.Options) *site {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	w, err := standin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close the world: %v", err)
		}
	})
	return &site{World: w, t: t}
}

// run is one run with some settings changed ("" unsets), and the code that the
// process would end with.
func (s *site) run(change map[string]string) int {
	s.t.Helper()
	return s.runContext(s.t.Context(), change)
}

func (s *site) runContext(ctx context.Context, change map[string]string) int {
	s.t.Helper()
	environment := s.Settings()
	environment["PLUGIN_LOCK_TIMEOUT"] = "1m"
	maps.Copy(environment, change)
	settings, err := settings.FromEnvironment(environment)
	if err != nil {
		s.t.Fatalf("settings: %v", err)
	}
	var log bytes.Buffer
	var to io.Writer = &log
	if s.onLog != nil {
		to = io.MultiWriter(&log, s.onLog)
	}
	settings.Vault.Timeout, settings.Report.SlackAPI = s.patienceWithVault(), s.Slack.APIURL()
	console, closeConsole := console.New("test", settings, to, false)
	err = run.Run(ctx, settings, console)
	if closeErr := closeConsole(); closeErr != nil {
		s.t.Errorf("close the console: %v", closeErr)
	}
	s.last = log.String()
	if s.t.Failed() || testing.Verbose() {
		s.t.Logf("run ended with %v\n%s", err, s.last)
	}
	return fault.Of(err).ExitCode()
}

func (s *site) patienceWithVault() time.Duration { return cmp.Or(s.patience, 30*time.Second) }

// seal has Vault sealed or unsealed; while it is sealed nobody waits for it for
// long.
func (s *site) seal(sealed bool) {
	s.Vault.SetSealed(sealed)
	s.patience = 0
	if sealed {
		s.patience = 2 * time.Second
	}
}

func (s *site) tip() string {
	s.t.Helper()
	tip, err := s.Repo.Tip(standin.SampleBranch)
	if err != nil {
		s.t.Fatal(err)
	}
	return tip
}

func (s *site) file(path string) string {
	s.t.Helper()
	content, err := s.Repo.ReadFile(standin.SampleBranch, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return content
}

// subjects of the commits since the post-mortems were pushed, oldest first.
func (s *site) subjects() []string {
	s.t.Helper()
	commits, err := s.Repo.Log(s.Second + ".." + standin.SampleBranch)
	if err != nil {
		s.t.Fatal(err)
	}
	var subjects []string
	for i := len(commits) - 1; i >= 0; i-- {
		subjects = append(subjects, commits[i].Subject)
	}
	return subjects
}

func (s *site) state(stack string) map[string]any {
	s.t.Helper()
	state, err := s.State(stack)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// alerts is how many alerts the document holds that was applied to monitoring.
func (s *site) alerts() int {
	s.t.Helper()
	return strings.Count(fmt.Sprint(s.state("monitoring")), "- alert:")
}

// summary is summary.json of the last run.
func (s *site) summary() map[string]any {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Workspace(), ".pm-todos", "summary.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var summary map[string]any
	if err := json.Unmarshal(data, &summary); err != nil {
		s.t.Fatal(err)
	}
	return summary
}

func (s *site) wants(code, got int) {
	s.t.Helper()
	if got != code {
		s.t.Fatalf("exit code %d, want %d\n%s", got, code, s.last)
	}
}

// says expects each text in the log, whatever lines it was broken into.
func (s *site) says(texts ...string) {
	s.t.Helper()
	log := unbroken(s.last)
	for _, text := range texts {
		if !strings.Contains(log, unbroken(text)) {
			s.t.Errorf("the log does not say %q:\n%s", text, s.last)
		}
	}
}

func unbroken(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// nothingLeft checks that neither the host nor the remote keeps anything of a
// run that is through.
func (s *site) nothingLeft() {
	s.t.Helper()
	s.nothingPending()
	runs, err := filepath.Glob(filepath.Join(s.Home, ".cache", "pm-todos", "runs", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(runs) > 0 {
		s.t.Errorf("the host still has %v", runs)
	}
}

// nothingPending checks that the remote keeps neither a lock nor a journal.
func (s *site) nothingPending() {
	s.t.Helper()
	for _, prefix := range []string{"refs/pm-todos/journal/", "refs/pm-todos/lock"} {
		refs, err := s.Repo.Refs(prefix)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(refs) > 0 {
			s.t.Errorf("the remote still has %v", refs)
		}
	}
}

// document with one row for each of the given lines.
func document(rows ...string) string {
	return "# Post-mortem\n\n## Action items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n" +
		strings.Join(rows, "\n") + "\n"
}

// only is the sample with one document of the test's own.
func only(name, content string) standin.Options {
	return standin.Options{
		Without: []string{"docs/post-mortems/"},
		Files:   map[string]string{"docs/post-mortems/" + name: content},
	}
}

var link = regexp.MustCompile("\\[`([0-9a-f]{7,})`\\]\\((http[^)]+)\\)")

// linksResolve follows every commit link of a document on the remote.
func (s *site) linksResolve(doc string) {
	s.t.Helper()
	links := link.FindAllStringSubmatch(doc, -1)
	if len(links) == 0 {
		s.t.Errorf("the document has no links to commits:\n%s", doc)
	}
	for _, found := range links {
		response, err := http.Get(found[2])
		if err != nil {
			s.t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			s.t.Error(err)
		}
		if response.StatusCode != http.StatusOK {
			s.t.Errorf("%s answers %s", found[2], response.Status)
		}
	}
}

// nothingSecret looks for every secret in the log, the summary files, what Slack
// was told, and everything that is on the host.
func (s *site) nothingSecret() {
	s.t.Helper()
	h := newHunt(s)
	h.search("the log", []byte(s.last))
	h.slack(s)
	h.files(s.Workspace(), s.Home)
	h.nothing(s.t)
}

// must ends the test when preparing it went wrong.
func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// twoItems is a document with an item on each of two stacks.
var twoItems = document(
	"| P1 | Add an alert on disk usage | Alert | over 80 % | TODO |",
	"| P2 | Add a monitor for the cache | Monitor | every minute | TODO |",
)

// twoStacks is a site with an item on each of two stacks.
func twoStacks(t *testing.T) *site { return newSite(t, only("2026-01-01-alert.md", twoItems)) }

// needsSigned is a hook that takes a commit onto the branch only when it is
// signed. It has nothing to say of an update that brings no commit.
const needsSigned = `#!/bin/sh
[ "$1" = refs/heads/main ] || exit 0
for commit in $(git rev-list "$3" --not --branches); do
	git cat-file commit "$commit" | grep -q '^gpgsig ' || { echo "commits must be signed" >&2; exit 1; }
done
`

// items are the items of the last run's summary.json.
func (s *site) items() (items []map[string]any) {
	s.t.Helper()
	encoded := must[[]byte](s.t)(json.Marshal(s.summary()["items"]))
	if err := json.Unmarshal(encoded, &items); err != nil {
		s.t.Fatal(err)
	}
	return items
}

// ended are state and reason of the items of the last run, in order.
func (s *site) ended() (ended []string) {
	s.t.Helper()
	for _, item := range s.items() {
		ended = append(ended, strings.TrimSpace(fmt.Sprint(item["state"], " ", item["reason"])))
	}
	return ended
}

func (s *site) wantsEnded(want ...string) {
	s.t.Helper()
	if got := s.ended(); !slices.Equal(got, want) {
		s.t.Errorf("items ended as %q, want %q", got, want)
	}
}

func (s *site) paid() int {
	s.t.Helper()
	return len(must[[]agent.Call](s.t)(s.Agent.Calls()))
}
