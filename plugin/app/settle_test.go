package app

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// settleItem closes an item on a person's word, with the settings of the site.
func (s *site) settleItem(item string, landed bool) error {
	s.t.Helper()
	given, err := settings.FromEnvironment(s.Settings())
	if err != nil {
		s.t.Fatal(err)
	}
	var out bytes.Buffer
	console, closeConsole := console.New("test", given, &out, false)
	if err := errors.Join(settle(s.t.Context(), given, console, item, landed), closeConsole()); err != nil {
		return fmt.Errorf("settle: %w\n%s", err, out.String())
	}
	return nil
}

// settle runs the command that the report of the last run named.
func (s *site) settle(landed bool) {
	s.t.Helper()
	before, _, found := strings.Cut(s.last, " --landed\n")
	if !found {
		s.t.Fatalf("the report names no command:\n%s", s.last)
	}
	line := strings.Fields(before[strings.LastIndex(before, "\n"):])
	if err := s.settleItem(line[len(line)-1], landed); err != nil {
		s.t.Fatal(err)
	}
}
