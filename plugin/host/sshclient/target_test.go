package sshclient

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]Target{
		"local":                    {Local: true},
		"wizard@10.0.10.10":        {User: "wizard", Host: "10.0.10.10", Port: 22},
		"a.b-c_d@dev.example:2222": {User: "a.b-c_d", Host: "dev.example", Port: 2222},
		"u@[fd00::1]:23":           {User: "u", Host: "fd00::1", Port: 23},
		"u@[::1]":                  {User: "u", Host: "::1", Port: 22},
	} {
		got, err := ParseTarget(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
		if again, err := ParseTarget(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s, which is read as %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "host", "@host", "u@", "-oProxyCommand=x@host", "u@-host", "u@host:", "u@host:0", "u@host:65536", "u@host:+22", "u@host:22x", "u@host name",
		"u@fd00::1", "u@[10.0.0.1]", "u@[::1", "u@[::1]22", "u@ho\nst", "u@host;id", "a b@host", "u@$(id)", "u@host/path", "Local", "u@\u3000host", "u@" + strings.Repeat("a", 300),
	} {
		if got, err := ParseTarget(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}
