package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

func TestPartsOfAnErrorAreShownApart(t *testing.T) {
	t.Parallel()
	plain := errors.New("it broke; badly")
	mended := fault.WithFix(plain, "mend %s; then go on", "it")
	for name, test := range map[string]struct {
		err                             error
		text, place, setting, what, fix string
	}{
		"none":             {plain, "it broke; badly", "", "", "it broke; badly", ""},
		"a fix":            {mended, "it broke; badly; mend it; then go on", "", "", "it broke; badly", "mend it; then go on"},
		"wrapped":          {fmt.Errorf("open: %w", fault.Mark(fault.Temporary, mended)), "open: it broke; badly; mend it; then go on", "", "", "open: it broke; badly", "mend it; then go on"},
		"in the middle":    {fmt.Errorf("%w (twice)", mended), "it broke; badly; mend it; then go on (twice)", "", "", "it broke; badly (twice)", "mend it; then go on"},
		"all":              {&fault.Error{Place: "a@b", Setting: "hosts", Err: plain, Fix: "mend it"}, "a@b: hosts it broke; badly; mend it", "a@b", "hosts", "it broke; badly", "mend it"},
		"one in the other": {&fault.Error{Place: "a@b", Err: mended}, "a@b: it broke; badly; mend it; then go on", "a@b", "", "it broke; badly", "mend it; then go on"},
		"place not first":  {fmt.Errorf("open: %w", &fault.Error{Place: "a@b", Err: plain}), "open: a@b: it broke; badly", "", "", "open: a@b: it broke; badly", ""},
		"joined":           {errors.Join(&fault.Error{Place: "a@b", Err: plain, Fix: "mend it"}, mended), "a@b: it broke; badly; mend it\nit broke; badly; mend it; then go on", "a@b", "", "it broke; badly\nit broke; badly", "mend it\nmend it; then go on"},
		"in other words":   {inOtherWords{mended}, "no", "", "", "no", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.err.Error() != test.text || !errors.Is(test.err, plain) {
				t.Errorf("the text is %q", test.err)
			}
			got := fault.Parts(test.err)
			if got.Place != test.place || got.Setting != test.setting || got.Err.Error() != test.what || got.Fix != test.fix {
				t.Errorf("the parts are %q", got)
			}
		})
	}
}

// inOtherWords hides the text of an error.
type inOtherWords struct{ error }

func (inOtherWords) Error() string   { return "no" }
func (w inOtherWords) Unwrap() error { return w.error }
