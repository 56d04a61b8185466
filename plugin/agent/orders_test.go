package agent

import (
	"slices"
	"strings"
	"testing"
)

func TestOrdersOfADefinition(t *testing.T) {
	t.Parallel()
	file := "---\nname: x\ntools: Bash, Edit\nhooks: y\n---\n\nYou fix things.\n" +
		"1. Run `scripts/tg plan` in the stack.\n" +
		"2. Apply it: `../../scripts/tg apply --non-interactive`.\n" +
		"3. `git add -A && git commit -m fix`, then `git push origin master`.\n" +
		"4. git commit your work.\n" +
		"5. Update the row's Status from TODO to Done.\n" +
		"Never run `terraform apply` by hand. Do not push the branch.\n" +
		"Apply the same style as the files around.\n" +
		"Planning ahead is good; commit to quality.\n"
	for _, crlf := range []bool{false, true} {
		text := file
		if crlf {
			text = strings.ReplaceAll(file, "\n", "\r\n")
		}
		found, ignored := Orders([]byte(text))
		var got []string
		for _, order := range found {
			got = append(got, order.What)
			if line := strings.Split(file, "\n")[order.Line-1]; line != order.Text {
				t.Errorf("line %d is %q, not %q", order.Line, line, order.Text)
			}
		}
		if want := []string{"plan", "apply", "push", "commit", "close"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if !slices.Equal(ignored, []string{"tools", "hooks"}) {
			t.Errorf("ignored: %q", ignored)
		}
	}
	for _, none := range []string{"", "---\nname: x\n---\n", "Change one stack. Do not commit.", contract} {
		if found, _ := Orders([]byte(none)); len(found) > 0 {
			t.Errorf("%q holds no orders, got %v", none, found)
		}
	}
}
