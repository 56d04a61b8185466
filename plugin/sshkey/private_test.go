package sshkey

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

// newKey is a key pair, and its private half as ssh-keygen writes it.
func newKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

// handouts is a text in the forms in which stores and forms hand it out.
func handouts(t testing.TB, text string) map[string]string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	packed := base64.StdEncoding.EncodeToString([]byte(text))
	return map[string]string{
		"as it is":                 text,
		"no last newline":          strings.TrimSpace(text),
		"CRLF":                     crlf,
		"CR":                       strings.ReplaceAll(text, "\n", "\r"),
		"indented":                 "  " + strings.ReplaceAll(text, "\n", "\n    "),
		"escaped":                  strings.ReplaceAll(text, "\n", `\n`),
		"escaped CRLF":             strings.ReplaceAll(text, "\n", `\r\n`),
		"escaped twice":            strings.ReplaceAll(text, "\n", `\\n`),
		"escaped, then a newline":  strings.ReplaceAll(text, "\n", `\n`) + "\n",
		"byte order mark":          "\ufeff" + text,
		"blank around":             "\n\n" + text + "\n\n",
		"JSON":                     string(quoted),
		"JSON in JSON":             jsonOf(t, string(quoted)),
		"quotes around lines":      `"` + text + `"`,
		"single quotes":            "'" + text + "'",
		"base64":                   packed,
		"base64 in lines":          lines(packed, 76),
		"base64 of CRLF":           base64.StdEncoding.EncodeToString([]byte(crlf)),
		"base64 without padding":   strings.TrimRight(packed, "="),
		"base64 of base64":         base64.StdEncoding.EncodeToString([]byte(packed + "\n")),
		"JSON of base64 in lines":  jsonOf(t, lines(packed, 64)),
		"base64 of JSON":           base64.StdEncoding.EncodeToString(quoted),
		"mark, quotes, CRLF, none": "\ufeff\"" + strings.TrimSpace(crlf) + "\"",
	}
}

func jsonOf(t testing.TB, text string) string {
	t.Helper()
	data, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func lines(text string, columns int) string {
	var b strings.Builder
	for ; len(text) > columns; text = text[columns:] {
		b.WriteString(text[:columns] + "\n")
	}
	return b.String() + text + "\n"
}

func TestKeysAreReadHoweverStoresHandThemOut(t *testing.T) {
	t.Parallel()
	signer, key := newKey(t)
	forms := handouts(t, key)
	forms["newlines became blanks"] = strings.ReplaceAll(strings.TrimSpace(key), "\n", " ")
	for name, text := range forms {
		if got := Text(text); got != key && !strings.Contains(name, "blanks") {
			t.Errorf("%s: the text is not the key file's", name)
		}
		if got, err := Private(secret.New(text)); err != nil || Describe(got.PublicKey()) != Describe(signer.PublicKey()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificatesAreReadHoweverStoresHandThemOut(t *testing.T) {
	t.Parallel()
	signer, _ := newKey(t)
	authority, _ := newKey(t)
	certificate := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"wizard"}, ValidBefore: ssh.CertTimeInfinity}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	for name, text := range handouts(t, string(ssh.MarshalAuthorizedKey(certificate))) {
		if _, err := Certified(signer, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Certified(authority, string(ssh.MarshalAuthorizedKey(certificate))); err == nil {
		t.Error("a certificate of another key is taken")
	}
	if _, err := Certified(signer, string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); err == nil {
		t.Error("a plain public key is taken for a certificate")
	}
}

func TestBundlesOfCertificatesKeepEveryBlock(t *testing.T) {
	t.Parallel()
	one := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(strings.Repeat("first", 30))}))
	two := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(strings.Repeat("second", 30))}))
	forms := handouts(t, one+two)
	forms["newlines became blanks"] = strings.ReplaceAll(one+two, "\n", " ")
	for name, text := range forms {
		rest, count := []byte(Text(text)), 0
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			count++
		}
		if count != 2 {
			t.Errorf("%s: %d blocks", name, count)
		}
	}
}

func TestThreat9_UnusableKeysAreNamedAndNotShown(t *testing.T) {
	t.Parallel()
	signer, key := newKey(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("pass"))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Split(key, "\n")[2]
	for name, c := range map[string]struct{ text, says string }{
		"empty":              {"", "empty"},
		"blank":              {" \n", "empty"},
		"passphrase":         {string(pem.EncodeToMemory(locked)), "ssh-keygen -p"},
		"pkcs8":              {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "ssh-keygen -p"},
		"PuTTY":              {"PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n" + body, "puttygen"},
		"PuTTY in base64":    {base64.StdEncoding.EncodeToString([]byte("PuTTY-User-Key-File-3: ssh-ed25519\r\n" + body)), "puttygen"},
		"ssh.com":            {"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n" + body, "ssh-keygen -i"},
		"public":             {string(ssh.MarshalAuthorizedKey(signer.PublicKey())), "public half"},
		"public of hardware": {"sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIHdlcmVhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5MTIzAAAABHNzaDo=", "public half"},
		"public in PEM":      {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "public half"},
		"text":               {body, "-----BEGIN"},
		"cut":                {key[:len(key)/2], "whole file"},
		"damaged":            {strings.Replace(key, body+"\n", "", 1), "damaged"},
	} {
		_, err := Private(secret.New(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), body[:12]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

// FuzzText: what was put right once stays as it is, and no text is lost or made
// up: a private key that was read before is read after.
func FuzzText(f *testing.F) {
	_, key := newKey(f)
	for _, text := range handouts(f, key) {
		f.Add(text)
	}
	f.Add("-----BEGIN X-----\\nAAAA\\n-----END X-----Pr\\n")
	f.Add("devvm ssh-ed25519 AAAA\n@revoked * ssh-rsa AAAA\n\"\n'\\n")
	f.Fuzz(func(t *testing.T, text string) {
		once := Text(text)
		if twice := Text(once); twice != once && !wrappedDeeper(once) {
			t.Errorf("%q became %q, and that %q", text, once, twice)
		}
		if _, err := ssh.ParsePrivateKey([]byte(text)); err == nil {
			if _, err := Private(secret.New(text)); err != nil {
				t.Errorf("%q is a private key, and then: %v", text, err)
			}
		}
	})
}

// wrappedDeeper reports whether a text still has a layer to take off.
func wrappedDeeper(text string) bool {
	_, wrapped := unwrap(text)
	return wrapped
}
