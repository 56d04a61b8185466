package access

import (
	"github.com/pm-todos/pm-todos/plugin/evidence"
)

// Prometheus is the one of the settings, with what logs in to it; nil when there is
// none. Nothing is contacted yet.
func (o Opener) Prometheus(c evidence.Config, dial evidence.Dialer) (*evidence.Prometheus, error) {
	if c.URL == "" {
		return nil, nil
	}
	return evidence.Open(c, o.Settings.Repository.Way, dial)
}
