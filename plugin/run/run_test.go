package run

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

func TestThreat20_OnlyTheCanonicalForgeActs(t *testing.T) {
	tests := []struct {
		name, event, remote, clone string
		want                       bool
	}{
		{"the same forge", "push", "https://forge.example/o/r.git", "https://forge.example/o/r.git", false},
		{"the same forge over ssh", "push", "git@forge.example:o/r.git", "https://forge.example/o/r.git", false},
		{"case of the host", "push", "https://Forge.example/o/r.git", "https://forge.example/o/r.git", false},
		{"a mirror", "push", "https://forge.example/o/r.git", "https://github.example/o/r.git", true},
		{"a mirror's cron", "cron", "https://forge.example/o/r.git", "https://github.example/o/r.git", false},
		{"no pipeline", "push", "https://forge.example/o/r.git", "", false},
		{"a path on this machine", "push", "/srv/git/r.git", "https://forge.example/o/r.git", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := settings.Settings{CI: settings.CI{Event: test.event, CloneURL: test.clone}}
			s.Repository.URL = test.remote
			if got := notOurs(s) != ""; got != test.want {
				t.Errorf("nothing is done: %v, want %v", got, test.want)
			}
		})
	}
}
