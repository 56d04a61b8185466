package wire

import (
	"net/http"
	"strings"
	"testing"
)

func TestThreat3_RemoteURLs(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"https://git.example.org/team/infra.git":      "https://git.example.org/team/infra.git",
		"https://bot@git.example.org:8443/infra":      "https://bot@git.example.org:8443/infra",
		"http://127.0.0.1:3000/x.git":                 "http://127.0.0.1:3000/x.git",
		"ssh://git@git.example.org:2222/team/infra":   "ssh://git@git.example.org:2222/team/infra",
		"ssh://git@[2001:db8::1]:2222/team/infra.git": "ssh://git@[2001:db8::1]:2222/team/infra.git",
		"git@git.example.org:team/infra.git":          "ssh://git@git.example.org/team/infra.git",
		"git.example.org:infra.git":                   "ssh://git.example.org/infra.git",
		"/srv/git/infra.git":                          "/srv/git/infra.git",
		"/srv/my repos/infra.git":                     "/srv/my repos/infra.git",
		"file:///srv/git/infra.git":                   "/srv/git/infra.git",
	}
	for url, want := range good {
		if err := CheckURL(url); err != nil {
			t.Errorf("%q: %v", url, err)
		}
		if got := RedactURL(url); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", url, got, want)
		}
	}
	bad := []string{
		"", "--upload-pack=touch /tmp/x", "-oProxyCommand=x@host:path", "ext::sh -c id", "ext::sh", "fd::17",
		"git://example.org/x", "ftp://example.org/x", "javascript://x/y", "https://", "https://example.org", "https://example.org/",
		"https://user:pw@example.org/x.git", "https://example.org/x?y=1", "https://example.org/x#y",
		"ssh://-oProxyCommand=id/x", "ssh://git@-x/y", "-x@example.org:y", "git@example.org:-y", "git@-example.org:y",
		"https://example.org/a b", "https://example.org/a\u3000b", "https://exam\u200bple.org/a", "https://example.org/\x1b[31m",
		"https://example.org/a/../b", "git@example.org:../x", "https://example.org:99999/x", "https://exa$mple.org/x",
		"file://host/share", "git@example.org:x\ny", "https://" + strings.Repeat("a", 3000) + "/x",
	}
	for _, url := range bad {
		if err := CheckURL(url); err == nil {
			t.Errorf("%q was accepted", url)
		} else if strings.Contains(err.Error(), "pw@") || strings.ContainsAny(err.Error(), "\x1b\n\u3000\u200b") {
			t.Errorf("%q: the error is not fit to print: %q", url, err)
		}
		if got := RedactURL(url); strings.Contains(got, "pw") || strings.ContainsAny(got, "\x1b\n\u200b") {
			t.Errorf("RedactURL(%q) = %q", url, got)
		}
	}
}

func TestSSH_PathsAreQuotedAsGitDoes(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/a/b.git":   "'/a/b.git'",
		"/it's":      `'/it'\''s'`,
		"/bang!":     `'/bang'\!''`,
		"/$(id)`x`;": "'/$(id)`x`;'",
	} {
		if got := quotePath(path); got != want {
			t.Errorf("quotePath(%q) = %s, want %s", path, got, want)
		}
	}
}

// net/http never asks a proxy for a loopback address, so look inside.
func TestClone_TheHTTPClientAsksNoProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	inner, err := newHTTPTransport(address{scheme: schemeHTTPS, host: "git.example.org", path: "/x"}, Access{})
	if err != nil {
		t.Fatal(err)
	}
	if outer, ok := inner.client.Transport.(*http.Transport); !ok || outer.Proxy != nil || inner.client.Jar != nil {
		t.Error("the HTTP client may use a proxy or cookies")
	}
}
