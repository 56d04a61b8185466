package edit

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"pgregory.net/rapid"
)

func TestEditChangesOneStateOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := document().Draw(t, "document")
		before := postmortem.Parse("d.md", src, defaultPolicy)
		if len(before.Items) == 0 {
			return
		}
		index := rapid.IntRange(0, len(before.Items)-1).Draw(t, "item")
		item := before.Items[index]
		result, err := Update("d.md", src, []Edit{{Item: item, Done: true}})
		if err != nil {
			t.Fatalf("%v", err)
		}
		checkOneState(t, src, before, index, result)
	})
}

// checkOneState checks an edit of one item against the document before it.
func checkOneState(t interface{ Errorf(string, ...any) }, src []byte, before *postmortem.Document, index int, result Result) {
	item := before.Items[index]
	if item.Token.Empty() || item.Closed() {
		if result.Changed || !bytes.Equal(result.Content, src) {
			t.Errorf("an item that is not exactly open was changed")
		}
		return
	}
	if item.Safe() && !result.Changed {
		t.Errorf("a safe item was not marked: %v", result.Refused)
	}
	if !result.Changed {
		return
	}
	grown := len(result.Content) - len(src)
	if !bytes.Equal(result.Content[:item.Token.Start], src[:item.Token.Start]) ||
		!bytes.Equal(result.Content[item.Token.End+grown:], src[item.Token.End:]) {
		t.Errorf("bytes beside the token were changed")
	}
	after := postmortem.Parse("d.md", result.Content, defaultPolicy)
	for i := range after.Items {
		want := before.Items[i].Class
		if i == index {
			want = postmortem.ClassDone
		}
		if after.Items[i].Class != want || after.Items[i].ID != before.Items[i].ID {
			t.Errorf("item %d is %s, want %s", i, after.Items[i].Class, want)
		}
	}
}

func TestFollowUpIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := document().Draw(t, "document")
		var edits []Edit
		for _, action := range rapid.SliceOfN(rapid.OneOf(cell(), rapid.String()), 1, 5).Draw(t, "actions") {
			row := Row{Action: action, Priority: "P1", Type: rapid.String().Draw(t, "type")}
			if rapid.Bool().Draw(t, "done") {
				row.Commit = hash
			}
			edits = append(edits, Edit{Row: &row})
		}
		checkIdempotent(t, src, edits)
	})
}

// checkIdempotent checks that writing rows keeps every other byte, and that
// writing them again changes nothing.
func checkIdempotent(t interface{ Errorf(string, ...any) }, src []byte, edits []Edit) {
	first, err := Update("d.md", src, edits)
	if err != nil {
		if !bytes.Equal(first.Content, src) {
			t.Errorf("changed in spite of %v", err)
		}
		return
	}
	if !keepsLines(src, first.Content) {
		t.Errorf("lines of the document were changed:\n%q\nbecame\n%q", src, first.Content)
	}
	again, err := Update("d.md", first.Content, edits)
	if err != nil || again.Changed {
		t.Errorf("the second time: changed %v, error %v\n%s\n---\n%s", again.Changed, err, first.Content, again.Content)
	}
}

// keepsLines reports whether every line of before, but for our own rows, is left
// in after in its order.
func keepsLines(before, after []byte) bool {
	rest := string(after)
	for line := range strings.Lines(string(before)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.Contains(line, postmortem.HumanReview) || strings.TrimSpace(line) == "" {
			continue
		}
		at := strings.Index(rest, line)
		if at < 0 {
			return false
		}
		rest = rest[at+len(line):]
	}
	return true
}
