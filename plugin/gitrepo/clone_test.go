package gitrepo

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/egress/proxytest"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func TestClone_BringsWholeHistoryOfOneBranch(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a.txt": "1\n"})
	first := s.head()
	second := s.commit("second", map[string]string{"dir/b.txt": "2\n"})
	gittest.Git(t, s.work, "tag", "v1")
	gittest.Git(t, s.work, "checkout", "-q", "-b", "other")
	stray := s.commit("stray", map[string]string{"stray": "x"})
	gittest.Git(t, s.work, "push", "-q", "origin", "other", "v1", "HEAD:refs/pm-todos/journal/one")
	strayOnly := s.commit("not ours", map[string]string{"stray": "y"})
	gittest.Git(t, s.work, "push", "-q", "origin", "other")
	gittest.Git(t, s.work, "checkout", "-q", branchName)
	s.push()

	for name, url := range map[string]string{"path": s.origin, "file URL": "file://" + s.origin, "http": s.serveByGit(nil)} {
		t.Run(name, func(t *testing.T) {
			r := clone(t, url)
			if r.Tip() != second {
				t.Errorf("tip %s, want %s", r.Tip(), second)
			}
			var log []string
			if err := r.Log(r.Tip(), func(c Commit) bool { log = append(log, c.Hash); return true }); err != nil {
				t.Fatal(err)
			}
			if len(log) != 2 || log[0] != second || log[1] != first {
				t.Errorf("log %v", log)
			}
			if _, err := r.Lookup(stray); err != nil {
				t.Errorf("a commit of refs/pm-todos is missing: %v", err)
			}
			if _, err := r.Lookup(strayOnly); !errors.Is(err, wire.ErrNotFound) {
				t.Errorf("a commit of another branch: %v", err)
			}
			files := must(r.Files(r.Tip()))(t)
			if strings.Join(files, " ") != "a.txt dir/b.txt" {
				t.Errorf("files %v", files)
			}
			if got := must(r.ReadFile(r.Tip(), "dir/b.txt"))(t); string(got) != "2\n" {
				t.Errorf("content %q", got)
			}
			if _, err := r.ReadFile(r.Tip(), "dir/none"); !errors.Is(err, wire.ErrNotFound) {
				t.Errorf("missing file: %v", err)
			}
			if _, err := r.ReadFile(r.Tip(), "dir"); err == nil {
				t.Error("a folder was read as a file")
			}
		})
	}
}

func TestClone_SameObjectsAsGit(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a.txt": strings.Repeat("line\n", 500)})
	for i := range 20 {
		s.commit("more", map[string]string{"a.txt": strings.Repeat("line\n", 500+i), "d/" + string(rune('a'+i)): "x"})
	}
	s.push()
	s.filters(false)
	r := clone(t, s.serve(nil))
	want := strings.Fields(gittest.Git(t, s.origin, "rev-list", "--objects", "--no-object-names", branchName))
	for _, h := range want {
		if !r.store.Has(plumbing.NewHash(h)) {
			t.Errorf("object %s is missing", h)
		}
	}
	if got := r.Cost().Objects; got != len(want) {
		t.Errorf("%d objects, want %d", got, len(want))
	}
}

func TestClone_SetsWhatIsWrongApart(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	web := s.serveByGit(nil)
	dead := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	deadURL := "http://" + dead.Addr().String() + "/x.git"
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*Options)
		is     error
		kind   fault.Kind
		says   string
	}{
		"wrong password":   {func(o *Options) { o.URL, o.Password = web, secret.New("hunter2-wrong") }, wire.ErrDenied, fault.Failed, "git_password"},
		"no such path":     {func(o *Options) { o.URL = s.origin + "-none" }, wire.ErrNotFound, fault.Failed, ""},
		"no such repo":     {func(o *Options) { o.URL = strings.Replace(web, "origin", "none", 1) }, wire.ErrDenied, fault.Failed, "404"},
		"no such branch":   {func(o *Options) { o.URL, o.Branch = web, "none" }, wire.ErrNotFound, fault.Failed, "none"},
		"nobody there":     {func(o *Options) { o.URL = deadURL }, nil, fault.Temporary, "refused"},
		"plain http":       {func(o *Options) { o.URL = "http://git.example.org/x.git" }, nil, fault.Settings, "https"},
		"bad author":       {func(o *Options) { o.URL, o.Author.Name = web, "x\nparent 1" }, nil, fault.Settings, "author"},
		"bad branch":       {func(o *Options) { o.URL, o.Branch = web, "--force" }, nil, fault.Settings, "--force"},
		"no directory":     {func(o *Options) { o.URL, o.Dir = web, o.Dir+"/none" }, nil, fault.Settings, "directory"},
		"bad CA":           {func(o *Options) { o.URL, o.Way.CACert = web, "x" }, nil, fault.Settings, "git_ca_cert"},
		"bad proxy":        {func(o *Options) { o.URL, o.Way.Proxy = web, secret.New("proxy:3128") }, nil, fault.Settings, "proxy is not"},
		"no repository":    {func(o *Options) { o.URL = filepath.Dir(s.origin) }, nil, fault.Failed, "not appear to be a git repository"},
		"not git at all":   {func(o *Options) { o.URL = plainPage(t) }, nil, fault.Failed, "not with git's protocol"},
		"server is broken": {func(o *Options) { o.URL = s.serve(always(http.StatusBadGateway)) }, nil, fault.Temporary, "502"},
		"redirected away":  {func(o *Options) { o.URL = redirectTo(t, "http://localhost:1/x.git") }, nil, fault.Failed, "redirects to"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t, "")
			test.change(&o)
			_, err := Clone(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v, want %v", err, test.is)
			}
			if got := fault.Of(err); got != test.kind {
				t.Errorf("kind %v, want %v: %v", got, test.kind, err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %q does not say %q", err, test.says)
			}
			if strings.Contains(err.Error(), o.Password.Reveal()) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error is not fit to print: %q", err)
			}
		})
	}
}

func always(status int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "gone\x1b[31m\nfishing", status)
		})
	}
}

func TestClone_FollowsAPathRedirect(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	url := s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/old/"); ok {
				http.Redirect(w, r, "/"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	r := clone(t, strings.Replace(url, "/origin.git", "/old/origin.git", 1))
	if r.Tip() != s.remoteTip() {
		t.Errorf("tip %s", r.Tip())
	}
}

func TestClone_IgnoresTheEnvironment(t *testing.T) {
	s := newSite(t, map[string]string{"a": "1"})
	home := t.TempDir()
	// Each of these would break a git or a client that looked at it.
	config := "[url \"http://127.0.0.1:1/\"]\n\tinsteadOf = /\n\tinsteadOf = http://\n[safe]\n\tdirectory = /none\n[core\n"
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "GIT_DIR": "/nonexistent", "GIT_CONFIG_GLOBAL": home + "/.gitconfig",
		"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "ALL_PROXY": "socks5://127.0.0.1:1",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "nonsense", "GIT_PROTOCOL": "version=2",
	} {
		t.Setenv(name, value)
	}
	for _, url := range []string{s.origin, s.serve(nil)} {
		r := clone(t, url)
		made := must(r.Publish(t.Context(), func(tip string) (string, error) {
			return r.WithFiles(tip, map[string][]byte{"b": []byte(url)}, "add b\n")
		}))(t)
		if s.remoteTip() != made {
			t.Errorf("%s: the push did not arrive", url)
		}
	}
}

func TestClone_EndsPromptlyWithItsContext(t *testing.T) {
	t.Parallel()
	// A server that accepts and then says nothing.
	silent := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	defer func() { _ = silent.Close() }()
	go func() {
		for {
			if _, err := silent.Accept(); err != nil {
				return
			}
		}
	}()
	slow := newSite(t, map[string]string{"a": "1"})
	slow.hook("pre-receive", "sleep 60")
	held := clone(t, slow.origin)

	key, _, known := sshKeys(t, silent.Addr().String())
	tests := map[string]func(context.Context) error{
		"http": func(ctx context.Context) error {
			_, err := Clone(ctx, options(t, "http://"+silent.Addr().String()+"/x.git"))
			return err
		},
		"ssh": func(ctx context.Context) error {
			o := options(t, "ssh://git@"+silent.Addr().String()+"/x.git")
			o.SSHKey, o.KnownHosts = secret.New(key), known
			_, err := Clone(ctx, o)
			return err
		},
		"hook of a path": func(ctx context.Context) error { return held.CanPush(ctx) },
	}
	for name, act := range tests {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("told to stop")
			time.AfterFunc(300*time.Millisecond, func() { cancel(stopped) })
			began := time.Now()
			err := act(ctx)
			if !errors.Is(err, stopped) || fault.Of(err) != fault.Temporary {
				t.Errorf("error %v, kind %v", err, fault.Of(err))
			}
			// The silent servers would hold it for their whole time limit.
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestClone_TimeLimitOfOneAct(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	o := options(t, s.serve(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	}))
	o.Timeout = 20 * time.Millisecond
	_, err := Clone(t.Context(), o)
	if fault.Of(err) != fault.Temporary || !strings.Contains(err.Error(), "no end after 20ms") {
		t.Errorf("error %v", err)
	}
}

func TestFetch_SeesAForcedPushAndRemovedRefs(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	base := s.head()
	for range 30 {
		s.commit("old", map[string]string{"a": "2"})
	}
	old := s.head()
	s.push()
	gittest.Git(t, s.work, "push", "-q", "origin", "HEAD:refs/pm-todos/journal/one")
	r := clone(t, s.serve(nil))

	gittest.Git(t, s.work, "reset", "-q", "--hard", base)
	rewritten := s.commit("new", map[string]string{"a": "3"})
	s.push()
	gittest.Git(t, s.work, "push", "-q", "origin", ":refs/pm-todos/journal/one")
	if got := must(r.Fetch(t.Context()))(t); got != rewritten || r.Tip() != rewritten {
		t.Errorf("tip %s, want %s", got, rewritten)
	}
	if in := must(r.Contains(rewritten, old))(t); in {
		t.Error("the old tip is still in the history")
	}
	if h := r.seen("refs/pm-todos/journal/one"); !h.IsZero() {
		t.Errorf("a removed ref is still known: %s", h)
	}
	// A fresh clone does not have the old tip at all.
	if _, err := clone(t, s.origin).Changed(old, rewritten); !errors.Is(err, ErrUnknownBase) {
		t.Errorf("unreachable base: %v", err)
	}
}

func TestFetchRef_BringsAPullRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	gittest.Git(t, s.work, "checkout", "-q", "-b", "feature")
	head := s.commit("asked for", map[string]string{"b": "1"})
	later := s.commit("asked for later", map[string]string{"b": "2"})
	gittest.Git(t, s.work, "push", "-q", "origin", "HEAD:refs/pull/12/head")
	r := clone(t, s.serve(nil))
	if err := r.FetchRef(t.Context(), "refs/pull/12/head", head); err != nil {
		t.Fatal(err)
	}
	if got := must(r.ReadFile(head, "b"))(t); string(got) != "1" {
		t.Errorf("content %q", got)
	}
	if err := r.FetchRef(t.Context(), "refs/pull/12/head", strings.Repeat("a", 40)); !errors.Is(err, wire.ErrNotFound) {
		t.Errorf("a commit that is not there: %v", err)
	}
	if err := r.FetchRef(t.Context(), "--upload-pack=x", later); fault.Of(err) != fault.Settings {
		t.Errorf("a bad ref: %v", err)
	}
}

func TestClone_TellsItsProgress(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.filters(false)
	var lines []string
	o := options(t, s.serve(nil))
	o.Progress = func(line string) { lines = append(lines, line) }
	r := must(Clone(t.Context(), o))(t)
	defer func() { _ = r.Close() }()
	text := strings.Join(lines, "\n")
	if !strings.Contains(text, "received 3 objects, 1 KiB") || strings.ContainsAny(text, "\r\x1b") {
		t.Errorf("progress %q", text)
	}
	if got := r.URL(); got != strings.TrimSuffix(o.URL, "/") || strings.Contains(got, password) || r.Branch() != branchName {
		t.Errorf("URL %q, branch %q", got, r.Branch())
	}
}

func TestClone_BehindAPrivateCAAndAProxy(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	plain := must(url.Parse(s.serve(nil)))(t)
	server := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(&url.URL{Scheme: plain.Scheme, Host: plain.Host}))
	defer server.Close()
	o := options(t, server.URL+plain.Path)
	if _, err := Clone(t.Context(), o); fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), "git_ca_cert") {
		t.Errorf("an unknown CA: %v, kind %v", err, fault.Of(err))
	}
	proxy := proxytest.New(t, server.Listener.Addr().String())
	o = options(t, "https://example.com"+plain.Path) // the name in the server's certificate
	o.Way = egress.Way{
		CACert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		Proxy:  secret.New(proxy.URL),
	}
	r := must(Clone(t.Context(), o))(t)
	if err := r.CanPush(t.Context()); err != nil {
		t.Error(err)
	}
	if err := r.SetRef(t.Context(), OwnRefs+"x", "", r.Tip()); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if asked := proxy.Asked(); len(asked) == 0 || asked[0] != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %q", asked)
	}
	for status, kind := range map[int]fault.Kind{http.StatusForbidden: fault.Failed, http.StatusBadGateway: fault.Temporary} {
		proxy.Refuse(status)
		o.Dir = t.TempDir()
		_, err := Clone(t.Context(), o)
		if refused := (*egress.ProxyError)(nil); !errors.As(err, &refused) || fault.Of(err) != kind || strings.Contains(err.Error(), proxytest.Password) {
			t.Errorf("%d of the proxy: %v, kind %v", status, err, fault.Of(err))
		}
	}
}

func TestClone_ReplyThatIsCutShort(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": strings.Repeat("0123456789abcdef\n", 2000)})
	for i := range 50 {
		s.commit("more", map[string]string{"b": strings.Repeat("x", i*100)})
	}
	s.push()
	for _, length := range []int{0, 3, 8, 20, 40, 500, 2000} {
		url := s.serve(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					next.ServeHTTP(w, r)
					return
				}
				answer := httptest.NewRecorder()
				next.ServeHTTP(answer, r)
				w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
				_, _ = w.Write(answer.Body.Bytes()[:max(0, min(length, answer.Body.Len()-1))])
			})
		})
		o := options(t, url)
		o.Pauses = func() backoff.BackOff { return &backoff.StopBackOff{} }
		if _, err := Clone(t.Context(), o); err == nil {
			t.Errorf("%d bytes of the reply were enough", length)
		}
	}
}
