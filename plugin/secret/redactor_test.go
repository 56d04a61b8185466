package secret_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

// key is an OpenSSH private key, as Vault would hold it.
func key(t testing.TB) string {
	t.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	block, err := ssh.MarshalPrivateKey(private, "ci@example")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

func redactor(values ...string) *secret.Redactor {
	var r secret.Redactor
	for _, value := range values {
		r.Add(secret.New(value))
	}
	return &r
}

func inJSON(t testing.TB, text string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted)
}

func TestThreat13_EveryUsualFormOfASecretIsRedacted(t *testing.T) {
	const password = `p/ss w+rd"<ü>\&=1`
	r := redactor(password)
	std, raw := base64.StdEncoding, base64.RawURLEncoding
	for name, test := range map[string]struct{ in, want string }{
		"plain":                   {"it is " + password + ".", "it is ***."},
		"twice":                   {password + password, "******"},
		"query":                   {"?a=" + url.QueryEscape(password) + "&b", "?a=***&b"},
		"query, lower case":       {strings.ToLower(url.QueryEscape(strings.ToLower(password))) + url.QueryEscape(password), ""},
		"path":                    {"/" + url.PathEscape(password) + "/", "/***/"},
		"JSON":                    {inJSON(t, password), `"***"`},
		"JSON in JSON":            {inJSON(t, `{"a":`+inJSON(t, password)+`}`), ""},
		"hex":                     {hex.EncodeToString([]byte(password)), "***"},
		"hex, upper case":         {strings.ToUpper(hex.EncodeToString([]byte(password))), "***"},
		"base64":                  {std.EncodeToString([]byte(password)), "***"},
		"base64 without padding":  {"k=" + raw.EncodeToString([]byte(password)) + ";", "k=***;"},
		"base64 with a user name": {std.EncodeToString([]byte("user:" + password)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := r.Redact(test.in)
			if test.want != "" && got != test.want {
				t.Errorf("Redact(%q) = %q, want %q", test.in, got, test.want)
			}
			if !strings.Contains(got, "***") || strings.Contains(got, password) {
				t.Errorf("Redact(%q) = %q", test.in, got)
			}
		})
	}
}

func TestThreat13_Base64InEveryAlignmentLeavesNothingToDecode(t *testing.T) {
	const password = "correct-horse-battery"
	r := redactor(password)
	for before := range 4 {
		for after := range 4 {
			whole := strings.Repeat("x", before) + password + strings.Repeat("y", after)
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
				got := r.Redact(encoding.EncodeToString([]byte(whole)))
				// What is left is at most what belongs to the neighbours, and a
				// character that shares its bits with one of them, on either side.
				if rest := strings.Replace(got, "***", "", 1); len(rest) > (before*8+5)/6+(after*8+5)/6+4 || !strings.Contains(got, "***") {
					t.Errorf("%d before, %d after: %q remains of %q", before, after, got, encoding.EncodeToString([]byte(whole)))
				}
			}
		}
	}
}

func TestThreat9_NoLineOfAKeyIsPrinted(t *testing.T) {
	text := key(t)
	r := redactor(text)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for name, in := range map[string]string{
		"whole":              text,
		"CRLF":               strings.ReplaceAll(text, "\n", "\r\n"),
		"indented":           "    " + strings.ReplaceAll(text, "\n", "\n    "),
		"one line":           lines[1],
		"quoted log":         fmt.Sprintf("%q", text),
		"JSON":               inJSON(t, text),
		"base64, wrapped":    wrap(base64.StdEncoding.EncodeToString([]byte(text)), 76),
		"base64, 64 columns": wrap(base64.StdEncoding.EncodeToString([]byte(text)), 64),
		"hex, wrapped":       wrap(hex.EncodeToString([]byte(text)), 60),
	} {
		t.Run(name, func(t *testing.T) {
			got := r.Redact(in)
			for _, line := range lines[1 : len(lines)-1] {
				if len(line) >= 6 && strings.Contains(got, line[:6]) {
					t.Fatalf("a line of the key remains: %q", got)
				}
			}
			if left := strings.NewReplacer("***", "", "\n", "").Replace(got); len(left) > 130 {
				t.Errorf("%d characters remain: %q", len(left), got)
			}
		})
	}
	if got := r.Redact(lines[0]); got != lines[0] {
		t.Errorf("the armour line is no secret and became %q", got)
	}
}

func wrap(text string, columns int) string {
	var b strings.Builder
	for ; len(text) > columns; text = text[columns:] {
		b.WriteString(text[:columns] + "\n")
	}
	return b.String() + text
}

func TestOverlappingSecretsAreCoveredToTheEnd(t *testing.T) {
	for name, test := range map[string]struct {
		secrets  []string
		in, want string
	}{
		"one inside the other":   {[]string{"abcdef", "xxabcdefyy"}, "1xxabcdefyy2abcdef3", "1***2***3"},
		"one after the other":    {[]string{"abcdef", "defghi"}, "-abcdefghi-", "-***-"},
		"the longer comes first": {[]string{"token-1", "token-1-extra"}, "token-1-extra token-1-ext", "*** ***-ext"},
		"three in a chain":       {[]string{"aabbcc", "ccddee", "eeffgg"}, "aabbccddeeffgg!", "***!"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redactor(test.secrets...).Redact(test.in); got != test.want {
				t.Errorf("Redact(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestWhatIsTooShortToHideStays(t *testing.T) {
	r := redactor("", "abc", "   ", "\n", "key:\nabc\nd")
	if got := r.Redact("abc d key: abc"); got != "abc d key: abc" {
		t.Errorf("Redact = %q", got)
	}
}

func TestWriterHoldsBackOnlyTheBeginningOfASecret(t *testing.T) {
	var out bytes.Buffer
	w := redactor("s3cret-value").Writer(&out)
	for _, step := range []struct{ write, have string }{
		{"plain line\n", "plain line\n"},
		{"key is s3cr", "plain line\nkey is "},
		{"et-value!\n", "plain line\nkey is ***!\n"},
		{"s3cret but not it\n", "plain line\nkey is ***!\ns3cret but not it\n"},
		{"end s3", "plain line\nkey is ***!\ns3cret but not it\nend "},
	} {
		if n, err := io.WriteString(w, step.write); err != nil || n != len(step.write) {
			t.Fatalf("Write(%q) = %d, %v", step.write, n, err)
		}
		if out.String() != step.have {
			t.Fatalf("after %q the writer below has %q, want %q", step.write, out.String(), step.have)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "\nend s3") {
		t.Errorf("after Close: %q", out.String())
	}
}

func TestSecretsAddedLaterAreTakenOutOfWritersThatExist(t *testing.T) {
	var r secret.Redactor
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, text := range []string{"before late-secret\n", "after late-secret\n"} {
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		r.Add(secret.New("late-secret"))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "before late-secret\nafter ***\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNilRedactorChangesNothing(t *testing.T) {
	var r *secret.Redactor
	var out bytes.Buffer
	w := r.Writer(&out)
	if _, err := io.WriteString(w, "text"); err != nil || out.String() != "text" || r.Redact("text") != "text" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriterReportsTheErrorBelow(t *testing.T) {
	w := redactor("s3cret-value").Writer(broken{})
	if _, err := io.WriteString(w, "text"); err == nil || err.Error() != "no space left" {
		t.Errorf("Write: %v", err)
	}
	if _, err := io.WriteString(w, "s3"); err != nil {
		t.Errorf("what is held back needs no write: %v", err)
	}
	if err := w.Close(); err == nil {
		t.Error("Close lost the error")
	}
}

func TestConcurrentUse(t *testing.T) {
	var out bytes.Buffer
	var r secret.Redactor
	w := r.Writer(&out)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			value := fmt.Sprintf("secret-number-%d", n)
			r.Add(secret.New(value))
			for range 200 {
				if _, err := io.WriteString(w, "say "+value+"\n"); err != nil {
					t.Error(err)
				}
				_ = r.Redact(value)
			}
		})
	}
	all.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Contains(got, "secret-number") || strings.Count(got, "say ***\n") != 1600 {
		t.Errorf("%d lines, a secret among them: %v", strings.Count(got, "\n"), strings.Contains(got, "secret-number"))
	}
}

// The writer must say the same however the stream is cut, and Redact too.
func TestChunksDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Few letters make partial, repeated and overlapping matches likely.
		values := rapid.SliceOfN(rapid.StringMatching(`[ab\n]{4,12}`), 1, 4).Draw(t, "secrets")
		parts := rapid.SliceOf(rapid.OneOf(rapid.StringMatching(`[ab\n]{0,9}`), rapid.SampledFrom(values))).Draw(t, "parts")
		text := strings.Join(parts, "")
		r := redactor(values...)
		var out bytes.Buffer
		w := r.Writer(&out)
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		whole := r.Redact(text)
		if out.String() != whole {
			t.Fatalf("secrets %q, text %q: in chunks %q, whole %q", values, text, out.String(), whole)
		}
		for _, value := range values {
			if trimmed := strings.TrimSpace(value); len(trimmed) >= 4 && strings.Contains(whole, trimmed) {
				t.Fatalf("secrets %q, text %q: %q remains in %q", values, text, value, whole)
			}
		}
	})
}

func FuzzWriter(f *testing.F) {
	f.Add("hunter22", "say hunter22", uint8(3))
	f.Add(key(f), "x"+key(f), uint8(7))
	f.Add("a\nbcdefgh\r\n", "bcdefghbcdefg", uint8(1))
	f.Fuzz(func(t *testing.T, value, text string, size uint8) {
		r := redactor(value)
		var out bytes.Buffer
		w := r.Writer(&out)
		for rest := text; rest != ""; {
			n := min(int(size)%16+1, len(rest))
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if whole := r.Redact(text); out.String() != whole {
			t.Errorf("in chunks %q, whole %q", out.String(), whole)
		}
		// The stars themselves may complete a secret that contains them.
		if trimmed := strings.TrimSpace(value); len(trimmed) >= 4 && !strings.Contains(trimmed, "*") && strings.Contains(out.String(), trimmed) {
			t.Errorf("%q remains in %q", trimmed, out.String())
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	w := redactor(key(b), "another-secret", "https://hooks.slack.com/services/T0/B0/abc").Writer(io.Discard)
	line := []byte(strings.Repeat(`{"type":"assistant","message":"reading stacks/monitoring/main.tf"}`, 10) + "\n")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := w.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
