package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

const (
	nfsDocument = "docs/post-mortems/2026-04-14-nfs.md"
	oldDocument = "docs/post-mortems/2025-01-01-old.md"
	nfsRows     = "| P2 | Add an alert on NFS retransmissions | Alert | over 5 | TODO |\n| P1 | Migrate Vault | Migration | by hand | TODO |"
)

// withIndex is two documents, and an index page of no document yet.
func withIndex(t *testing.T, page string) standin.Options {
	t.Helper()
	o := only("2026-04-14-nfs.md", "**Severity**: SEV2\n\n"+document(nfsRows))
	o.Files[oldDocument] = document("| P2 | Add an alert | Alert | | Done |")
	if page != "" {
		files, err := dashboard.Write(page, nil, nil, dashboard.Files{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		data, feed := dashboard.Beside(page)
		o.Files[page], o.Files[data], o.Files[feed] = string(files.Page), string(files.JSON), string(files.Feed)
	}
	return o
}

// update is the stage that records outcomes, on a clone of the site's remote.
// pushed are the documents that the triggering push changed.
func (s *site) update(given map[string]string, outcomes []item.Outcome, pushed ...string) run.Published {
	s.t.Helper()
	environment := s.Settings()
	for name, value := range given {
		environment[name] = value
	}
	read, err := settings.FromEnvironment(environment)
	if err != nil {
		s.t.Fatal(err)
	}
	read.Documents.Scope = settings.ScopeAll
	var log bytes.Buffer
	console, closeConsole := console.New("test", read, &log, false)
	defer func() {
		if err := closeConsole(); err != nil {
			s.t.Error(err)
		}
	}()
	repo, commit, remove, err := console.Opener(read).Clone(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := remove(); err != nil {
			s.t.Error(err)
		}
	}()
	sel, err := access.Select(read, repo, commit, zerolog.Nop())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range pushed {
		sel.Pushed[file] = true
	}
	done, err := run.Update(s.t.Context(), read, repo, sel, outcomes, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), zerolog.Nop())
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// alertDone is the outcome that the alert of nfsDocument is implemented.
func (s *site) alertDone(state item.State) []item.Outcome {
	s.t.Helper()
	doc := postmortem.Parse(nfsDocument, []byte(s.file(nfsDocument)), defaultPolicy)
	return []item.Outcome{{Item: access.ChangeItem(doc, doc.Items[0]), State: state, Commit: strings.Repeat("ab", 20)}}
}

// states are how many items of a document have which state.
type states map[dashboard.State]int

// wantIndex checks that an index is the one of the documents on the branch, and returns
// what it says of the items of the two documents.
func (s *site) wantIndex(page string) (nfs, old states) {
	s.t.Helper()
	data, feed := dashboard.Beside(page)
	present := dashboard.Files{Page: []byte(s.file(page)), JSON: []byte(s.file(data)), Feed: []byte(s.file(feed))}
	known := dashboard.Known{Recorded: dashboard.Recall(present.JSON), Commit: func(string) string { return "" }}
	var documents []dashboard.Document
	for _, file := range []string{nfsDocument, oldDocument} {
		documents = append(documents, known.Read(postmortem.Parse(file, []byte(s.file(file)), defaultPolicy), file))
	}
	want, err := dashboard.Write(page, documents, nil, present, time.Time{})
	if err != nil {
		s.t.Fatal(err)
	}
	if diff := cmp.Diff(string(want.JSON), string(present.JSON)); diff != "" {
		s.t.Errorf("%s is not that of the documents (-want +got):\n%s", data, diff)
	}
	if !bytes.Equal(want.Page, present.Page) || !bytes.Equal(want.Feed, present.Feed) {
		s.t.Errorf("%s or %s is not of the same documents", page, feed)
	}
	count := map[string]states{nfsDocument: {}, oldDocument: {}}
	for _, d := range documents {
		for _, one := range d.Items {
			count[d.File][one.State]++
		}
	}
	return count[nfsDocument], count[oldDocument]
}

// has reports whether the branch has a file.
func (s *site) has(path string) bool {
	s.t.Helper()
	files, err := s.Repo.Files(standin.SampleBranch)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		if file == path {
			return true
		}
	}
	return false
}

func TestIndexIsWrittenWithTheDocuments(t *testing.T) {
	for name, test := range map[string]struct{ present, setting, page string }{
		"unset, our page is there": {present: settings.DefaultIndex, page: settings.DefaultIndex},
		"set, our page is there":   {present: "docs/all.html", setting: "docs/all.html", page: "docs/all.html"},
		"set, nothing is there":    {setting: "./site/pm/all.html", page: "site/pm/all.html"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, withIndex(t, test.present))
			settings := map[string]string{"PLUGIN_INDEX": test.setting}
			done := s.update(settings, s.alertDone(item.Done))
			if got := s.subjects(); len(got) != 1 || got[0] != "docs: update post-mortem follow-up [PM-2026-04-14] [ci skip]" {
				t.Errorf("commits: %q", got)
			}
			if len(done.Warnings) > 0 || len(done.Files) != 1 {
				t.Errorf("documents %q, warnings %q", done.Files, done.Warnings)
			}
			if nfs, _ := s.wantIndex(test.page); nfs[dashboard.Done] != 1 || !strings.Contains(s.file(test.page), ">SEV2<") {
				t.Errorf("the page does not show the edits: %v", nfs)
			}
			tip := s.tip()
			s.update(settings, s.alertDone(item.Done))
			s.update(settings, nil, nfsDocument, oldDocument)
			if s.tip() != tip {
				t.Errorf("the same again made a commit: %q", s.subjects())
			}
		})
	}
}

func TestIndexOfAnItemThatAGateRefused(t *testing.T) {
	s := newSite(t, withIndex(t, settings.DefaultIndex))
	s.update(nil, s.alertDone(item.Refused))
	if nfs, _ := s.wantIndex(settings.DefaultIndex); nfs[dashboard.Person] != 2 {
		t.Errorf("the refused item does not need a person: %v", nfs)
	}
}

// TestIndexOfAPush changes documents in which the run has nothing to write: the
// page alone is stale, and committed.
func TestIndexOfAPush(t *testing.T) {
	s := newSite(t, withIndex(t, settings.DefaultIndex))
	// Nothing changes and nothing was pushed: a stale page is no reason.
	s.update(nil, nil)
	if got := s.subjects(); len(got) != 0 {
		t.Fatalf("a run that changed nothing made commits: %q", got)
	}
	// oldDocument has no open item, so no row of ours.
	done := s.update(nil, nil, oldDocument)
	if got := s.subjects(); len(got) != 1 || got[0] != "docs: update post-mortem follow-up [PM-2025-01-01] [ci skip]" || done.Commit != s.tip() {
		t.Errorf("commits: %q", got)
	}
	s.wantIndex(settings.DefaultIndex)
	tip := s.tip()
	s.update(nil, nil, oldDocument)
	if s.tip() != tip {
		t.Errorf("the same again made a commit: %q", s.subjects())
	}
}

// TestIndexIsNotStartedByItself pushes a document while the wanted page is not
// there: that alone makes no commit.
func TestIndexIsNotStartedByItself(t *testing.T) {
	s := newSite(t, withIndex(t, ""))
	s.update(map[string]string{"PLUGIN_INDEX": settings.DefaultIndex}, nil, oldDocument)
	if got := s.subjects(); len(got) != 0 {
		t.Errorf("commits: %q", got)
	}
}

func TestIndexLeavesWhatIsNotItsOwn(t *testing.T) {
	longAndAlike(t)
	const own = "<!doctype html>\n<p>Our own page</p>\n"
	for name, test := range map[string]struct {
		file, content, setting string
		warned                 bool
	}{
		"unset, none there":           {file: "notes.txt", content: own},
		"unset, a person's page":      {file: settings.DefaultIndex, content: own},
		"set, a person's page":        {file: settings.DefaultIndex, content: own, setting: settings.DefaultIndex, warned: true},
		"set, a folder of that name":  {file: "site/index.html/notes.txt", content: own, setting: "site/index.html", warned: true},
		"set, a file for its folder":  {file: "site", content: own, setting: "site/index.html", warned: true},
		"set, a person's JSON":        {file: "site/index.json", content: "{}", setting: "site/index.html", warned: true},
		"set, a person's feed":        {file: "site/index.atom", content: "<feed/>", setting: "site/index.html", warned: true},
		"set, inside of git's folder": {file: "notes.txt", content: own, setting: ".git/index.html", warned: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := withIndex(t, "")
			o.Files[test.file] = test.content
			s := newSite(t, o)
			done := s.update(map[string]string{"PLUGIN_INDEX": test.setting}, s.alertDone(item.Done))
			if got := s.file(test.file); got != test.content {
				t.Errorf("%s was changed to %q", test.file, got)
			}
			if !strings.Contains(s.file(nfsDocument), "| over 5 | Done |") {
				t.Error("the documents were not recorded")
			}
			if warned := strings.Contains(strings.Join(done.Warnings, "\n"), "index"); warned != test.warned {
				t.Errorf("warnings: %q", done.Warnings)
			}
			if test.file != settings.DefaultIndex && s.has(settings.DefaultIndex) {
				t.Error("a page was made that nobody asked for")
			}
		})
	}
}

// TestIndexCountsWhatPeopleChangedMeanwhile lets somebody push while the page
// is on its way: it is rendered again from what is there then.
func TestIndexCountsWhatPeopleChangedMeanwhile(t *testing.T) {
	s := newSite(t, withIndex(t, settings.DefaultIndex))
	s.Git.SetMiddleware(git.Before(1, git.IsPush, func() {
		if _, err := s.Repo.Commit(standin.SampleBranch, "rival\n", map[string]string{oldDocument: document("| P2 | Decide on a vendor | Investigation | | TODO |")}); err != nil {
			t.Error(err)
		}
	}))
	s.update(nil, s.alertDone(item.Done))
	if nfs, old := s.wantIndex(settings.DefaultIndex); nfs[dashboard.Person] != 1 || old[dashboard.Person] != 1 {
		t.Errorf("the rival's document is not in the page: %v, %v", nfs, old)
	}
}

// lockedByAnother has another run hold the lock until the end of the test.
func (s *site) lockedByAnother() {
	s.t.Helper()
	settings, err := settings.FromEnvironment(s.Settings())
	if err != nil {
		s.t.Fatal(err)
	}
	console, closeConsole := console.New("test", settings, io.Discard, false)
	repo, _, remove, err := console.Opener(settings).Clone(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	lock, err := repo.AcquireLock(s.t.Context(), gitrepo.Lease{Run: "another", Host: "elsewhere"}, time.Second)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		ctx, cancel := access.Closing(s.t.Context())
		defer cancel()
		if err := errors.Join(lock.Release(ctx), remove(), closeConsole()); err != nil {
			s.t.Error(err)
		}
	})
}

// TestIndexOfAPushThatLeavesNothingToDo pushes a post-mortem without a safe
// item: the page has it, without Vault and without a host.
func TestIndexOfAPushThatLeavesNothingToDo(t *testing.T) {
	o := withIndex(t, settings.DefaultIndex)
	o.Files[nfsDocument] = document("| P1 | Migrate Vault | Migration | by hand | TODO |")
	for name, test := range map[string]struct {
		settings map[string]string
		before   func(*site)
		commits  int
		says     string
		code     int
	}{
		"on its own":                      {commits: 1, says: "index written"},
		"in a dry run":                    {settings: map[string]string{"PLUGIN_MODE": "dry-run"}},
		"for everything":                  {settings: map[string]string{"PLUGIN_SCOPE": "all"}}, // no push, no commit
		"where no summary can be written": {settings: map[string]string{"PLUGIN_SUMMARY_DIR": "/dev/null/x"}, commits: 1, code: 1, says: "summary_dir"},
		"while another run is at work":    {settings: map[string]string{"PLUGIN_LOCK_TIMEOUT": "1s"}, before: (*site).lockedByAnother, says: "the index was not written: "},
		"without the right to push": {before: func(s *site) {
			s.Git.SetMiddleware(git.Refuse(100, http.StatusForbidden, git.IsPush))
		}, says: "the index was not written: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, o)
			if test.before != nil {
				test.before(s)
			}
			s.wants(test.code, s.run(test.settings))
			s.says("no safe item", test.says)
			if got := s.subjects(); len(got) != test.commits {
				t.Errorf("commits: %q", got)
			}
			if calls := s.Vault.Calls(); len(calls) > 0 || s.SSH.Logins() > 0 {
				t.Errorf("Vault or the host was contacted: %v", calls)
			}
			if test.commits == 0 || test.code != 0 {
				return
			}
			s.wantIndex(settings.DefaultIndex)
			tip := s.tip()
			s.wants(0, s.run(nil))
			if s.tip() != tip || s.summary()["docs_commit"] != "" {
				t.Error("the same again made a commit")
			}
		})
	}
}

// indexLeadsTo has the index page written of a run that proposed the item of
// alertDocument: it leads to the pull request.
func (s *site) indexLeadsTo(pull forge.Pull) {
	s.t.Helper()
	empty, err := dashboard.Write(settings.DefaultIndex, nil, nil, dashboard.Files{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Repo.Commit(standin.SampleBranch, "index\n", map[string]string{settings.DefaultIndex: string(empty.Page)}); err != nil {
		s.t.Fatal(err)
	}
	s.update(nil, nil, alertDocument)
	var data struct{ Documents []dashboard.Document }
	name, _ := dashboard.Beside(settings.DefaultIndex)
	if err := json.Unmarshal([]byte(s.file(name)), &data); err != nil {
		s.t.Fatal(err)
	}
	for _, d := range data.Documents {
		for _, one := range d.Items {
			if one.State == dashboard.Proposed && one.Branch == pull.Head && strings.HasSuffix(one.Link, "/1") {
				return
			}
		}
	}
	s.t.Errorf("the item of %+v is not in %+v", pull, data.Documents)
}
