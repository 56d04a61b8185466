package gitrepo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
)

func TestThreat3_RefNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"master", "main", "release/1.2", "feature/JIRA-12_x", "a@b", "v1.0+x", "fix#12"} {
		if err := refname.CheckBranch(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "-f", "a/-f", "--upload-pack=x", "a..b", "a//b", "/a", "a/", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "a b", "a~1", "a^", "a:b", "a?",
		"a*", "a[", `a\b`, "a@{1}", "ä", "a\u3000b", "a\x00b", "a\nb", "refs/heads/a", "HEAD", strings.Repeat("a", 300),
	} {
		if err := refname.CheckBranch(name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
}

// plainPage is a server that knows no git, such as a login page.
func plainPage(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<html>sign in</html>"))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/x.git"
}

func redirectTo(t *testing.T, target string) string {
	t.Helper()
	server := httptest.NewServer(http.RedirectHandler(target, http.StatusFound))
	t.Cleanup(server.Close)
	return server.URL + "/x.git"
}
