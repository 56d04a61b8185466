package gitrepo

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
)

const (
	writers   = 10
	rowsEach  = 2 // of each document
	documents = 2
)

// rowsDocument is a post-mortem with rows for all writers.
func rowsDocument() string {
	var b strings.Builder
	b.WriteString("# Post-mortem\n\n## Action items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n")
	for w := range writers {
		for i := range rowsEach {
			fmt.Fprintf(&b, "| P2 | %s | Alert | d | TODO |\n", rowAction(w, i))
		}
	}
	return b.String() + "\nThe end.\n"
}

func rowAction(w, i int) string { return fmt.Sprintf("Add alert %d of writer %d", i, w) }

// markRows is a build function for Publish that marks the rows of one writer in
// every document and adds what was done to their tables.
func markRows(r *Repo, w int) func(string) (string, error) {
	return func(tip string) (string, error) {
		contents := map[string][]byte{}
		for d := range documents {
			file := fmt.Sprintf("docs/post-mortems/2026-04-%02d-x.md", d+1)
			src, err := r.ReadFile(tip, file)
			if err != nil {
				return "", err
			}
			var edits []edit.Edit
			for _, item := range postmortem.Parse(file, src, classify.Policy{}).Items {
				if strings.HasSuffix(item.Action, fmt.Sprintf(" of writer %d", w)) {
					row := &edit.Row{Date: "2026-04-14", Priority: "P2", Type: "Alert", Commit: tip}
					edits = append(edits, edit.Edit{Item: item, Done: true, Row: row})
				}
			}
			result, err := edit.Update(file, src, edits)
			if err != nil || len(result.Refused) > 0 || len(edits) != rowsEach {
				return "", fmt.Errorf("%s: %d edits, refused %v: %w", file, len(edits), result.Refused, err)
			}
			contents[file] = result.Content
		}
		return r.WithFiles(tip, contents, fmt.Sprintf("rows of writer %d\n", w))
	}
}

// rivals are clones of one origin, full and filtered ones, over HTTP and over
// a real sshd.
func (s *site) rivals(t *testing.T) []*Repo {
	t.Helper()
	web := s.serve(nil)
	overSSH := s.overSSH(t)
	var all []*Repo
	for w := range writers {
		filters := w%4 < 2
		s.filters(filters)
		o := options(t, web)
		o.Timeout = 5 * time.Minute // all of them at once are slow on a small machine
		if w%2 > 0 {
			overSSH(&o)
		}
		r := must(Clone(t.Context(), o))(t)
		t.Cleanup(func() { _ = r.Close() })
		if r.Cost().Filtered != filters {
			t.Errorf("writer %d: cost %+v", w, r.Cost())
		}
		all = append(all, r)
	}
	s.filters(true)
	return all
}

func TestPublish_TenWritersLoseNothing(t *testing.T) {
	t.Parallel()
	files := map[string]string{"README": "x", "deep/er/x": "1"}
	for d := range documents {
		files[fmt.Sprintf("docs/post-mortems/2026-04-%02d-x.md", d+1)] = rowsDocument()
	}
	s := newSite(t, files)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var made []string
	for w, r := range s.rivals(t) {
		wg.Go(func() {
			h, err := r.Publish(t.Context(), markRows(r, w))
			if err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
			mu.Lock()
			defer mu.Unlock()
			made = append(made, h)
		})
	}
	wg.Wait()
	s.linear(made)
	if n := gittest.Git(t, s.origin, "rev-list", "--count", branchName); n != fmt.Sprint(writers+1) {
		t.Errorf("%s commits on the branch", n)
	}
	for d := range documents {
		s.allMarked(fmt.Sprintf("docs/post-mortems/2026-04-%02d-x.md", d+1))
	}
}

// allMarked fails the test unless every row of a document is done, stands once
// in the table of what was done, and nothing else changed.
func (s *site) allMarked(file string) {
	s.tb.Helper()
	text := gittest.Git(s.tb, s.origin, "show", branchName+":"+file)
	head := strings.TrimSpace(strings.ReplaceAll(rowsDocument(), "| TODO |", "| Done |"))
	rest, ok := strings.CutPrefix(text, head)
	if !ok {
		s.tb.Errorf("%s holds %s", file, text)
	}
	for w := range writers {
		for i := range rowsEach {
			if n := strings.Count(rest, "| 2026-04-14 | "+rowAction(w, i)+" |"); n != 1 {
				s.tb.Errorf("%s: %q was recorded %d times", file, rowAction(w, i), n)
			}
		}
	}
}
