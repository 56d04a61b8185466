package app

import (
	"bytes"
	"errors"
	"fmt"

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
