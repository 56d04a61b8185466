package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// signingSecret is the one of the examples in
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
const signingSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func genericConfig(hook string) Config {
	return Config{ChatWebhook: secret.New(hook), ChatKind: Generic, ChatSecret: secret.New(signingSecret)}
}

// TestSignatureIsThatOfTheStandard has the example that the libraries of Standard
// Webhooks are tested with.
func TestSignatureIsThatOfTheStandard(t *testing.T) {
	key, err := signingKey(secret.New(signingSecret))
	if err != nil {
		t.Fatal(err)
	}
	got := signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s instead of %s", got, want)
	}
}

// TestTheDocsVerifyASignatureByHand runs what docs/operations.md says with the same
// example.
func TestTheDocsVerifyASignatureByHand(t *testing.T) {
	for _, program := range []string{"sh", "openssl", "base64", "od", "tr"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s: %v", program, err)
		}
	}
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(docs), "By hand:\n\n```sh\n")
	script, _, found := strings.Cut(rest, "\n```\n")
	if !found {
		t.Fatal("docs/operations.md has no such commands")
	}
	command := exec.CommandContext(t.Context(), "sh", "-c", script)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(), "SECRET="+signingSecret, "WEBHOOK_ID=msg_p5jXN8AQM9LWM0D4loKWxJek", "WEBHOOK_TIMESTAMP=1614265330")
	if err := os.WriteFile(filepath.Join(command.Dir, "body.json"), []byte(`{"test": 2432232314}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := command.CombinedOutput(); err != nil || string(out) != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n" {
		t.Errorf("%v: %s", err, out)
	}
}

// TestAProgramGetsTheSummaryAndCanTellWhoSentIt is the receiver that
// docs/operations.md describes.
func TestAProgramGetsTheSummaryAndCanTellWhoSentIt(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		sent, atErr := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(signingSecret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, r.Header.Get("Webhook-Id")+"."+r.Header.Get("Webhook-Timestamp")+"."+string(body))
		given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Webhook-Signature"), "v1,"))
		if err != nil || atErr != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute || !hmac.Equal(given, mac.Sum(nil)) || r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		got = append(got, r.Header.Get("Webhook-Id")+" "+string(body))
	}))
	defer server.Close()
	var log strings.Builder
	s := quiet()
	s.Run = "20261127t040000z-0a1b2c3d"
	view := report.Render(s)

	config := genericConfig(server.URL + "/s3cr3ts3cr3ts3cr3t")
	config.Notify = Policies{Chat: Changes}
	channels := Open(config, egress.Way{}, zerolog.New(&log))
	channels.Started(t.Context(), "apply", told(t, "quiet", "started")) // for people
	channels.Finished(t.Context(), view)                                // no news
	channels.all[0].policy = Always
	channels.Finished(t.Context(), view)
	if len(got) != 1 || log.Len() > 0 {
		t.Fatalf("got %q, and the log says %s", got, log.String())
	}
	var summary struct {
		Schema int
		Run    string
	}
	id, body, _ := strings.Cut(got[0], " ")
	if err := json.Unmarshal([]byte(body), &summary); err != nil || summary.Schema != report.Schema || summary.Run != id || id != s.Run {
		t.Errorf("%v: %s", err, got[0])
	}

	config.ChatSecret = secret.New("another secret of 24 or more")
	err := open(t, config).Finished(t.Context(), view)
	if err == nil || !strings.Contains(err.Error(), "webhook: post the message: 401 Unauthorized: who are you?") {
		t.Errorf("%v", err)
	}
}

func TestSigningSecrets(t *testing.T) {
	for text, says := range map[string]string{
		signingSecret: "", "24 characters, as it is.": "", " " + signingSecret + "\n": "",
		"s3cr3t": "has 6 bytes, fewer than 24", "whsec_czNjcjN0": "has 6 bytes, fewer than 24", "whsec_s3cr3t!": "is not base64 after whsec_",
	} {
		err := CheckSigningSecret(text)
		if (err == nil) != (says == "") || err != nil && (!strings.HasPrefix(err.Error(), says) || strings.Contains(err.Error(), "s3cr3t")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
