package edit

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"pgregory.net/rapid"
)

// checkTyped states the types of a document: no byte of it goes, and a second
// time there is nothing to do. That the items stay is checked by StateTypes
// itself, which refuses otherwise.
func checkTyped(t interface {
	Errorf(string, ...any)
	Helper()
}, file string, src []byte,
) int {
	t.Helper()
	doc := postmortem.Inspect(file, src, defaultPolicy)
	typed, err := StateTypes(doc, src)
	if err != nil {
		if !bytes.Equal(typed.Content, src) {
			t.Errorf("refused, and changed all the same: %v", err)
		}
		return 0
	}
	rest := typed.Content
	for _, b := range src {
		at := bytes.IndexByte(rest, b)
		if at < 0 {
			t.Errorf("a byte of the document is gone from\n%q", typed.Content)
			return 0
		}
		rest = rest[at+1:]
	}
	again, err := StateTypes(postmortem.Inspect(file, typed.Content, defaultPolicy), typed.Content)
	if err != nil || again.Stated > 0 || !bytes.Equal(again.Content, typed.Content) {
		t.Errorf("a second time: %d types stated, %v, in\n%q", again.Stated, err, typed.Content)
	}
	return typed.Stated
}

func TestStateTypesOfTheCorpus(t *testing.T) {
	stated := 0
	for _, file := range corpusFiles(t) {
		name, src := filepath.Base(file), readFile(t, file)
		if _, err := StateTypes(postmortem.Inspect(name, src, defaultPolicy), src); err != nil {
			t.Errorf("%v", err)
		}
		stated += checkTyped(t, name, src)
	}
	if stated < 50 {
		t.Errorf("only %d types of the corpus were stated", stated)
	}
}

func TestStateTypesOfAnyDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkTyped(t, "d.md", document().Draw(t, "document"))
	})
}

func TestStateTypes(t *testing.T) {
	for name, test := range map[string]struct {
		src, want []string
		left      int
	}{
		"a table": {
			src: []string{
				"| Action                        | Status |", "|-------------------------------|--------|",
				"| Add an alert on disk usage    | TODO   |", "| Buy disks                     | TODO   |", "| Add an alert on NFS errors | Done |",
			},
			want: []string{
				"| Action                        | Type  | Status |", "|-------------------------------|-------|--------|",
				"| Add an alert on disk usage    | Alert | TODO   |", "| Buy disks                     |       | TODO   |", "| Add an alert on NFS errors |       | Done |",
			},
		},
		"the action last, without pipes, Windows line ends": {
			src:  []string{"Status | Action\r", "--- | ---\r", "TODO | Add an alert on disk usage\r", "TODO | Buy disks\r"},
			want: []string{"Status | Action | Type  |\r", "--- | --- | ----- |\r", "TODO | Add an alert on disk usage | Alert |\r", "TODO | Buy disks |       |\r"},
		},
		"pipes in the action": {
			src:  []string{"| Action | Status |", "| :-- | --- |", "| Add an alert on `a \\| b` usage | TODO |"},
			want: []string{"| Action | Type  | Status |", "| :-- | ----- | --- |", "| Add an alert on `a \\| b` usage | Alert | TODO |"},
		},
		"malformed rows": {
			src:  []string{"| Action | Status |", "|---|---|", "| Add an alert on disk usage | TODO |", "| Add an alert | TODO | more |"},
			want: []string{"| Action | Status |", "|---|---|", "| Add an alert on disk usage | TODO |", "| Add an alert | TODO | more |"},
			left: 1,
		},
		"nothing to infer": {
			src:  []string{"| Action | Status |", "|---|---|", "| Buy disks | TODO |"},
			want: []string{"| Action | Status |", "|---|---|", "| Buy disks | TODO |"},
		},
		"a Type column": {
			src:  []string{"| Action | Type | Status |", "|---|---|---|", "| Add an alert on disk usage | | TODO |"},
			want: []string{"| Action | Type | Status |", "|---|---|---|", "| Add an alert on disk usage | | TODO |"},
		},
		"boxes": {
			src:  []string{"- [ ] Add an alert on disk usage", "- [ ] [P1] Add an alert on NFS", "  errors", "- [x] Add an alert on CPU", "- [ ] Buy disks", "* [ ]  **Add an alert** on memory"},
			want: []string{"- [ ] [Alert] Add an alert on disk usage", "- [ ] [P1] [Alert] Add an alert on NFS", "  errors", "- [x] Add an alert on CPU", "- [ ] Buy disks", "* [ ] [Alert]  **Add an alert** on memory"},
		},
		"an approved box, and two that are still to be filled in": {
			src:  []string{"- [ ] [Approved] Add an alert on disk usage", "- [ ] Add an alert on the disks of [service]", "- [ ] Add an alert on <name>"},
			want: []string{"- [ ] [Approved] [Alert] Add an alert on disk usage", "- [ ] Add an alert on the disks of [service]", "- [ ] Add an alert on <name>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			head := "\xef\xbb\xbf## Action items\n\n"
			src := []byte(head + strings.Join(test.src, "\n"))
			typed, err := StateTypes(postmortem.Inspect("d.md", src, defaultPolicy), src)
			if want := head + strings.Join(test.want, "\n"); err != nil || string(typed.Content) != want || len(typed.Left) != test.left {
				t.Errorf("%v, left %v, got\n%s\nwant\n%s", err, typed.Left, typed.Content, want)
			}
			checkTyped(t, "d.md", src)
		})
	}
}
