package gitrepo

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// insistOnMultiACK stands in front of a remote and answers as Azure DevOps does
// to clients that do not ask for multi_ack.
func insistOnMultiACK(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Contains(body, []byte(" multi_ack")) {
				http.Error(w, "TF401041: The Git protocol sent is not as expected (Clients must support multi-ack.).", http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

// hiding takes a capability out of what the remote offers.
func hiding(capability string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return insistOnMultiACK(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/info/refs") {
				next.ServeHTTP(w, r)
				return
			}
			caught := &caught{header: http.Header{}}
			next.ServeHTTP(caught, r)
			for name, values := range caught.header {
				w.Header()[name] = values
			}
			// As long as before, so that the line keeps its length.
			data := bytes.Replace(caught.body.Bytes(), []byte(" "+capability+" "), []byte(" "+strings.Repeat("x", len(capability))+" "), 1)
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			_, _ = w.Write(data)
		}))
	}
}

type caught struct {
	header http.Header
	body   bytes.Buffer
}

func (c *caught) Header() http.Header         { return c.header }
func (c *caught) Write(p []byte) (int, error) { return c.body.Write(p) }
func (c *caught) WriteHeader(int)             {}

func TestARemoteThatInsistsOnMultiACKIsClonedFetchedAndPushedTo(t *testing.T) {
	t.Parallel()
	long := newSite(t, map[string]string{"docs/a.md": "1\n"})
	for i := range 20 {
		long.commit("more", map[string]string{"docs/a.md": strconv.Itoa(i)})
	}
	long.push()
	for name, wrap := range map[string]func(http.Handler) http.Handler{
		"detailed": insistOnMultiACK, "plain": hiding("multi_ack_detailed"),
	} {
		for _, filters := range []bool{true, false} {
			t.Run(name+" filters "+strconv.FormatBool(filters), func(t *testing.T) {
				t.Parallel()
				s := copied(t, filepath.Dir(long.origin))
				s.filters(filters)
				r := clone(t, s.serve(wrap))
				if r.Cost().Filtered != filters {
					t.Errorf("filtered is %v: %s", r.Cost().Filtered, r.Cost().Why)
				}
				if err := r.AppendLog(t.Context(), OwnRefs+"ledger", []byte("{}\n")); err != nil {
					t.Fatal(err)
				}
				// The remote has many of what is here, and acknowledges each.
				tip := s.commit("later", map[string]string{"docs/a.md": "later\n", "docs/b.md": "b\n"})
				s.push()
				if got := must(r.Fetch(t.Context()))(t); got != tip {
					t.Fatalf("fetched %s, the remote has %s", got, tip)
				}
				if text := must(r.ReadFile(tip, "docs/a.md"))(t); string(text) != "later\n" {
					t.Errorf("the file holds %q", text)
				}
				made := must(r.Publish(t.Context(), func(tip string) (string, error) {
					return r.WithFiles(tip, map[string][]byte{"docs/a.md": []byte("done\n")}, "done\n")
				}))(t)
				s.linear([]string{tip, made})
			})
		}
	}
}

// TestWhatIsNoSuchRemoteIsSaidInPlainWords: final errors that name the thing
// and the way out.
func TestWhatIsNoSuchRemoteIsSaidInPlainWords(t *testing.T) {
	t.Parallel()
	page := func(status int) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, "<html>\x1b[31mSign In</html>")
			})
		}
	}
	sha256 := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "work")
		gittest.Git(t, filepath.Dir(dir), "init", "-q", "-b", branchName, "--object-format=sha256", dir)
		gittest.Git(t, dir, "commit", "-q", "--allow-empty", "-m", "first")
		return dir
	}
	emptySHA256 := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "bare.git")
		gittest.Git(t, filepath.Dir(dir), "init", "-q", "--bare", "-b", branchName, "--object-format=sha256", dir)
		return dir
	}
	shallow := func(t *testing.T) string {
		s := newSite(t, map[string]string{"a": "1"})
		s.commit("second", map[string]string{"a": "2"})
		s.push()
		dir := filepath.Join(t.TempDir(), "shallow.git")
		gittest.Git(t, filepath.Dir(dir), "clone", "-q", "--bare", "--depth", "1", "file://"+s.origin, dir)
		return dir
	}
	served := func(wrap func(http.Handler) http.Handler) func(*testing.T) string {
		return func(t *testing.T) string { return newSite(t, map[string]string{"a": "1"}).serve(wrap) }
	}
	for name, c := range map[string]struct {
		url    func(*testing.T) string
		says   []string
		denied bool
	}{
		"203 with a page to sign in": {served(page(203)), []string{"page to sign in", "git_password", "expired"}, true},
		"200 with a page":            {served(page(200)), []string{`"text/html"`, "is the URL that of a repository", "credentials"}, false},
		"SHA-256":                    {sha256, []string{"SHA-256", "SHA-1"}, false},
		"SHA-256, empty":             {emptySHA256, []string{"SHA-256"}, false},
		"a shallow remote":           {shallow, []string{"shallow", "git fetch --unshallow"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Clone(t.Context(), options(t, c.url(t)))
			if fault.Of(err) != fault.Failed || errors.Is(err, wire.ErrDenied) != c.denied {
				t.Fatalf("error %v, kind %v", err, fault.Of(err))
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if strings.ContainsAny(err.Error(), "\x1b<") {
				t.Errorf("the page is in the error: %q", err)
			}
		})
	}
}
