package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// logged is what a console prints of what use logs.
func logged(t *testing.T, s settings.Settings, colour bool, use func(Console)) string {
	t.Helper()
	var out bytes.Buffer
	console, closeConsole := New("test", s, &out, colour)
	use(console)
	if err := closeConsole(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestConsoleLines(t *testing.T) {
	got := logged(t, settings.Settings{}, false, func(c Console) {
		c.Log.Info().Str("stage", "clone").Int("documents", 3).Msg("cloned")
		c.Log.Warn().Str("host", "a b").Msg("no stage")
		c.Log.Debug().Str("stage", "clone").Msg("too much")
	})
	want := "INF clone      cloned documents=3\nWRN run        no stage host=\"a b\"\n"
	if got != want {
		t.Errorf("log:\n%q\nwant:\n%q", got, want)
	}
	got = logged(t, settings.Settings{}, false, func(c Console) {
		item := c.Log.With().Str("document", "docs/post-mortems/a.md").Str("item", "0a1b").Logger()
		item.Info().Str("stage", "journal").Str("commit", strings.Repeat("ab", 20)).Msg("kept")
		item.Warn().Str("stage", "gate").Msg("no")
		second := item.With().Str("nth", "2/4").Logger()
		second.Info().Str("stage", "agent").Msg("working")
		second.Warn().Str("stage", "gate").Msg("no")
		second.Info().Str("stage", "documents").Int("documents", 3).Int("of", 4).Msg("3 of 4 read")
		item.Info().Str("stage", "item").Str("state", "done").Msg("Add an alert")
	})
	want = "INF journal    kept commit=abababababab item=0a1b\n" +
		"WRN gate       no document=docs/post-mortems/a.md item=0a1b\n" +
		"INF agent      working nth=2/4\n" +
		"WRN gate       no document=docs/post-mortems/a.md item=0a1b nth=2/4\n" +
		"INF documents  3 of 4 read nth=2/4\n" +
		"INF item       Add an alert document=docs/post-mortems/a.md item=0a1b state=done\n"
	if got != want {
		t.Errorf("log:\n%q\nwant:\n%q", got, want)
	}
	t.Setenv("NO_COLOR", "") // zerolog looks at it too
	coloured := logged(t, settings.Settings{}, true, func(c Console) { c.Log.Error().Str("stage", "x").Msg("bad") })
	if !strings.Contains(coloured, "\x1b[1;31mbad\x1b[0m") {
		t.Errorf("no colours: %q", coloured)
	}
}

func TestJSONLinesHaveAStage(t *testing.T) {
	got := logged(t, settings.Settings{Report: settings.Report{LogFormat: "json", LogLevel: "debug"}}, true, func(c Console) {
		c.Log.Debug().Str("stage", "clone").Msg("one")
		c.Log.Info().Msg("two")
	})
	for i, line := range strings.Split(strings.TrimSpace(got), "\n") {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if want := []string{"clone", "run"}[i]; fields["stage"] != want {
			t.Errorf("line %s: stage %v, want %s", line, fields["stage"], want)
		}
	}
}

func TestThreat13_LogHidesSecretsAndControlCharacters(t *testing.T) {
	var s settings.Settings
	s.Repository.Password = secret.New("hunter2hunter2")
	for _, format := range []string{"console", "json"} {
		s.Report.LogFormat = format
		got := logged(t, s, false, func(c Console) {
			c.Redactor.Add(secret.New("from-vault-77"))
			c.Log.Info().Str("stage", "x").Str("field", "hunter2hunter2\x1b[2J").Msg("from-vault-77 \x1b[31mred\x1b[0m\nINF forged")
			_, _ = c.Out.Write([]byte("table hunter2hunter2\n"))
		})
		for _, bad := range []string{"hunter2", "from-vault-77", "\x1b", "\nINF forged"} {
			if strings.Contains(got, bad) {
				t.Errorf("%s: the log holds %q:\n%s", format, bad, got)
			}
		}
		if !strings.Contains(got, "table ***") {
			t.Errorf("%s: the table is missing:\n%s", format, got)
		}
	}
}

func TestMayColour(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, test := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"a file", nil, false},
		{"the log of the CI", map[string]string{"CI": "woodpecker"}, true},
		{"not wanted", map[string]string{"CI": "woodpecker", "NO_COLOR": "1"}, false},
		{"a dumb terminal", map[string]string{"CI": "woodpecker", "TERM": "dumb"}, false},
	} {
		if got := MayColour(file, func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestAnErrorThatEndsTheRunIsToldOnce: the closing table has it in full, so that
// its line for people has it not; programs read it there.
func TestAnErrorThatEndsTheRunIsToldOnce(t *testing.T) {
	ends := func(c Console) {
		c.Log.Error().Str("stage", "run").Err(errors.New("no agent")).Msg("the run ended early")
		c.Log.Error().Str("stage", "plan").Err(errors.New("no state")).Msg("failed")
	}
	if got, want := logged(t, settings.Settings{}, false, ends), "ERR run        the run ended early\nERR plan       failed error=\"no state\"\n"; got != want {
		t.Errorf("log:\n%q\nwant:\n%q", got, want)
	}
	if got := logged(t, settings.Settings{Report: settings.Report{LogFormat: "json"}}, false, ends); !strings.Contains(got, `"error":"no agent"`) {
		t.Errorf("a program cannot read why in %s", got)
	}
}

func TestLongLinesAreBrokenBetweenWords(t *testing.T) {
	line := "INF documents  docs/a.md:7: safe, \x1b[33mto be implemented\x1b[0m: Ädd an alert item=0123456789ab priority=P2\n"
	want := "INF documents  docs/a.md:7: safe, \x1b[33mto be\n               implemented\x1b[0m: Ädd an alert\n               item=0123456789ab\n               priority=P2\n"
	if got := string(wrap([]byte(line), 40)); got != want {
		t.Errorf("40 columns:\n%swant\n%s", got, want)
	}
	for _, width := range []int{0, 20, 200} {
		if got := string(wrap([]byte(line), width)); got != line {
			t.Errorf("%d columns: %q", width, got)
		}
	}
	long := "INF clone      " + strings.Repeat("x", 80) + " y\n"
	if got, want := string(wrap([]byte(long), 40)), strings.TrimSuffix(long, " y\n")+"\n               y\n"; got != want {
		t.Errorf("a word that is too long: %q", got)
	}
	if got := widthOf(&bytes.Buffer{}); got != 0 {
		t.Errorf("what is no terminal has %d columns", got)
	}
}
