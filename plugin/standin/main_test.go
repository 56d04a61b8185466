package standin

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if handled, code := Dispatch(os.Args); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func TestDispatchLeavesOtherCommandsAlone(t *testing.T) {
	for _, args := range [][]string{nil, {"pm-todos"}, {"pm-todos", "demo"}, {"pm-todos", "__standin"}, {"pm-todos", "run", "__standin", "claude"}} {
		if handled, _ := Dispatch(args); handled {
			t.Errorf("Dispatch(%q) took it for a stand-in", args)
		}
	}
	if handled, code := Dispatch([]string{"pm-todos", "__standin", "emacs"}); !handled || code != 1 {
		t.Errorf("an unknown stand-in: handled %v, code %d; want true, 1", handled, code)
	}
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
