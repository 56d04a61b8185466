package run_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin/vault"
)

// chat stands in for Mattermost.
type chat struct {
	*httptest.Server
	mu       sync.Mutex
	messages []string
	status   int // of its answers
}

func newChat(t *testing.T, r *repository) *chat {
	t.Helper()
	c := &chat{status: http.StatusOK}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		w.WriteHeader(c.status)
		if c.status == http.StatusOK {
			c.messages = append(c.messages, string(body))
			_, _ = io.WriteString(w, "ok")
		}
	}))
	t.Cleanup(c.Close)
	r.block["chat_webhook"], r.block["chat_kind"], r.block["notify"], r.block["digest"] = c.URL+"/hooks/x", "mattermost", "failure", "weekly"
	return c
}

// digests are the digests that were posted.
func (c *chat) digests() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.messages {
		if strings.Contains(one, "ollow-ups of the week") {
			all = append(all, one)
		}
	}
	return all
}

func (r *repository) mustRun() string {
	r.t.Helper()
	log, err := r.run()
	if err != nil {
		r.t.Fatalf("%v\n%s", err, log)
	}
	return log
}

func TestDigestIsPostedOnceAWeekByRunsOfACron(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	c := newChat(t, r)
	for _, event := range []string{"push", "manual", "pull_request"} {
		r.ci.Event = event
		r.mustRun()
	}
	r.ci.Event, r.block["mode"] = "cron", "dry-run"
	r.mustRun()
	if posted := c.digests(); len(posted) != 0 {
		t.Fatalf("posted without a cron: %q", posted)
	}
	delete(r.block, "mode")
	r.mustRun()
	r.mustRun()
	posted := c.digests()
	if len(posted) != 1 || !strings.Contains(posted[0], "2 open, 1 overdue") || !strings.Contains(posted[0], "Migrate the registry") {
		t.Errorf("posted %q", posted)
	}
}

func TestOfRunsAtTheSameTimeOnePostsTheDigest(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	c := newChat(t, r)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { r.mustRun() })
	}
	all.Wait()
	if posted := c.digests(); len(posted) != 1 {
		t.Errorf("%d digests were posted", len(posted))
	}
}

// TestDigestThatNobodyWasToldIsPostedByTheNextRun has a chat that refuses, then an
// item that a person closes before the next week.
func TestDigestThatNobodyWasToldIsPostedByTheNextRun(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	c := newChat(t, r)
	c.status = http.StatusForbidden
	if log := r.mustRun(); !strings.Contains(log, "nobody was told the digest") {
		t.Errorf("it does not say so:\n%s", log)
	}
	c.status = http.StatusOK
	r.mustRun()
	if posted := c.digests(); len(posted) != 1 {
		t.Fatalf("%d digests were posted", len(posted))
	}
	r.note("digest", `{"week":"2020-W01","time":"2026-11-20T06:00:00Z","commit":"`+r.tip()+`"}`)
	r.write("docs/post-mortems/2026-01-01-nfs.md", strings.Replace(peoples, "| TODO |\n| P2", "| Done |\n| P2", 1))
	r.mustRun()
	posted := c.digests()
	if len(posted) != 2 || !strings.Contains(posted[1], "1 open, 1 closed") || !strings.Contains(posted[1], "Closed since") {
		t.Errorf("posted %q", posted)
	}
}

// TestThreat21_ForgedNoteDelaysNoDigestForLong has somebody who may push refs write the note.
func TestThreat21_ForgedNoteDelaysNoDigestForLong(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{
		"no JSON": "x", "of the far future": `{"week":"9999-W01"}`, "of a commit that is none": `{"week":"2020-W01","commit":"0123456789012345678901234567890123456789"}`,
		"of a commit that is no hash": `{"week":"2020-W01","commit":"--help"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			c := newChat(t, r)
			r.note("digest", said)
			log := r.mustRun()
			if posted := c.digests(); len(posted) != 1 || strings.Contains(posted[0], "Closed") {
				t.Errorf("posted %q\n%s", posted, log)
			}
		})
	}
}

// TestDigestIsToldWhereVaultSays has a run with nothing to do, which needs no secret
// for anything else.
func TestDigestIsToldWhereVaultSays(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	c := newChat(t, r)
	kept, err := vault.Start(vault.Options{Token: "hvs.trial", Secrets: map[string]map[string]string{
		"ci/infra": {"devvm_ssh_key": "a key that nobody uses", "chat_webhook": r.block["chat_webhook"]},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	for name, value := range map[string]string{"chat_webhook": "", "hosts": "me@127.0.0.1:1", "vault_addr": kept.Addr(), "vault_auth": "token", "vault_token": "hvs.trial", "digest": "off"} {
		r.block[name] = value
	}
	r.mustRun()
	if calls := kept.Calls(); len(calls) != 0 {
		t.Errorf("without a digest Vault was asked %d times", len(calls))
	}
	r.block["digest"] = "weekly"
	r.mustRun()
	asked := len(kept.Calls())
	r.mustRun()
	if posted := c.digests(); len(posted) != 1 || asked == 0 || len(kept.Calls()) != asked {
		t.Errorf("posted %q; Vault was asked %d times, and %d once it was posted", posted, asked, len(kept.Calls())-asked)
	}
}
