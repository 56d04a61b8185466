package run

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// unreadable is a branch of which no file can be read.
type unreadable struct{ err error }

func (u unreadable) ReadFile(string, string) ([]byte, error) { return nil, u.err }

func TestUnreadableDocumentIsNotTakenForARemovedOne(t *testing.T) {
	for name, test := range map[string]struct {
		err                error
		gone, broken, fail bool
	}{
		"removed":                     {err: gitrepo.ErrNotFound, gone: true},
		"not sent by the remote":      {err: gitrepo.ErrMissing, fail: true},
		"replaced by a link":          {err: gitrepo.ErrNotRegular, broken: true},
		"too large by now":            {err: gitrepo.ErrTooLarge, broken: true},
		"a disk that cannot be read":  {err: errors.New("input/output error"), fail: true},
		"a folder that was not found": {err: fmt.Errorf("read docs/x.md: %w", gitrepo.ErrNotFound), gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUpdate(settings.Settings{}, nil, access.Selection{}, nil, nil, time.Now())
			content, _, err := u.render(unreadable{test.err}, "tip", "docs/x.md")
			done := u.done
			if content != nil || len(done.Warnings) > 0 != test.gone || len(done.Broken) > 0 != test.broken || len(done.Problems) != len(done.Broken) {
				t.Errorf("%+v", done)
			}
			if (err != nil) != test.fail || test.fail && fault.Of(err) != fault.Temporary {
				t.Errorf("%v", err)
			}
		})
	}
}
