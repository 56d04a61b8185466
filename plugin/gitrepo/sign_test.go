package gitrepo

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// demandSignatures makes the origin refuse every commit, on any ref, that the
// key did not sign, as a rule "require signed commits" does.
func (s *site) demandSignatures(key secret.String) {
	s.tb.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		s.tb.Skip("needs OpenSSH's ssh-keygen")
	}
	signer := must(sshkey.Private(key))(s.tb)
	allowed := filepath.Join(s.origin, "allowed_signers")
	line := "pm-todos@localhost namespaces=\"git\" " + sshkey.AuthorizedLine(signer.PublicKey()) + "\n"
	if err := os.WriteFile(allowed, []byte(line), 0o600); err != nil {
		s.tb.Fatal(err)
	}
	gittest.Git(s.tb, s.origin, "config", "gpg.format", "ssh")
	gittest.Git(s.tb, s.origin, "config", "gpg.ssh.allowedSignersFile", allowed)
	s.hook("update", `case $3 in *[1-9a-f]*) ;; *) exit 0 ;; esac
for commit in $(git rev-list "$3" --not --all); do
	git verify-commit "$commit" >&2 || { echo "commit $commit is not signed" >&2; exit 1; }
done`)
}

func TestARemoteThatDemandsSignedCommitsGetsThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a.md": "| TODO |\n"})
	key := secret.New(sshdtest.Key(t))
	s.demandSignatures(key)

	plain := clone(t, s.origin)
	if _, err := plain.AcquireLock(t.Context(), Lease{Run: "unsigned"}, 0); !errors.Is(err, ErrPushRefused) {
		t.Fatalf("the remote takes commits without a signature, or: %v", err)
	}

	o := options(t, s.origin)
	o.SigningKey = key
	r := must(Clone(t.Context(), o))(t)
	defer func() { _ = r.Close() }()
	lock := must(r.AcquireLock(t.Context(), Lease{Run: "signed"}, 0))(t)
	if err := lock.renew(t.Context(), renewEvery); err != nil {
		t.Errorf("renew the lock: %v", err)
	}
	if err := r.AppendLog(t.Context(), OwnRefs+"ledger", []byte("{}\n")); err != nil {
		t.Errorf("append to the ledger: %v", err)
	}
	fix := must(r.WithFiles(r.Tip(), map[string][]byte{"a.md": []byte("| Done |\n")}, "fix: one\n\nPost-Mortem: a.md\n"))(t)
	if err := r.SetRef(t.Context(), OwnRefs+"journal/x", "", fix); err != nil {
		t.Errorf("write the journal: %v", err)
	}
	if err := r.PushBranch(t.Context(), "pm-todos/propose/x", fix); err != nil {
		t.Errorf("propose: %v", err)
	}
	s.commit("by a rival", map[string]string{"b.md": "b\n"})
	gittest.Git(t, s.work, "-c", "gpg.format=ssh", "-c", "user.signingKey="+keyFile(t, key), "commit", "-q", "--amend", "--no-edit", "-S")
	s.push()
	if _, err := r.Publish(t.Context(), func(tip string) (string, error) { return r.Replay(fix, tip, "") }); err != nil {
		t.Errorf("publish a replayed fix: %v", err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Errorf("release the lock: %v", err)
	}
	gittest.Git(t, s.origin, "verify-commit", branchName)
	s.linear(nil)
	if found := must(r.Lookup(r.Tip()))(t); found.Message != "fix: one\n\nPost-Mortem: a.md\n" {
		t.Errorf("the signature is read as part of the message: %q", found.Message)
	}
}

func keyFile(t *testing.T, key secret.String) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestASigningKeyThatCannotBeReadIsASettingsError(t *testing.T) {
	t.Parallel()
	o := options(t, t.TempDir())
	o.SigningKey = secret.New("topsecretrubbish")
	_, err := Clone(t.Context(), o)
	if fault.Of(err) != fault.Settings || !strings.Contains(err.Error(), "git_signing_key") || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("error %v, kind %v", err, fault.Of(err))
	}
}
