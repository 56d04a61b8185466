package settings

import "testing"

func TestCommitLink(t *testing.T) {
	const sha = "1234567890123456789012345678901234567890"
	tests := []struct {
		name, remote, repoURL, want string
	}{
		{"https", "https://forge.example/o/r.git", "", "https://forge.example/o/r/commit/" + sha},
		{"no suffix", "https://forge.example/o/r/", "", "https://forge.example/o/r/commit/" + sha},
		{"https on another port", "https://forge.example:8443/o/r.git", "", "https://forge.example:8443/o/r/commit/" + sha},
		{"loopback keeps scheme and port", "http://127.0.0.1:3000/o/r.git", "", "http://127.0.0.1:3000/o/r/commit/" + sha},
		{"IPv6", "http://[::1]:3000/o/r.git", "", "http://[::1]:3000/o/r/commit/" + sha},
		{"IPv6 without a port", "https://[::1]/o/r.git", "", "https://[::1]/o/r/commit/" + sha},
		{"scp-like", "git@forge.example:o/r.git", "", "https://forge.example/o/r/commit/" + sha},
		{"ssh with a port of its own", "ssh://git@forge.example:2222/o/r.git", "", "https://forge.example/o/r/commit/" + sha},
		{"credentials never appear", "https://me:hunter2@forge.example/o/r.git", "", "https://forge.example/o/r/commit/" + sha},
		{"a sub-group", "https://forge.example/g/s/r.git", "", "https://forge.example/g/s/r/commit/" + sha},
		{"a path, with the forge's page", "/srv/git/r.git", "https://forge.example/o/r", "https://forge.example/o/r/commit/" + sha},
		{"a path alone", "/srv/git/r.git", "", ""},
		{"a file URL", "file:///srv/git/r.git", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Settings{Repository: at(test.remote), CI: CI{RepoURL: test.repoURL}}
			if got := s.CommitLink(sha); got != test.want {
				t.Errorf("link %q, want %q", got, test.want)
			}
			if got := s.CommitLink(""); got != "" {
				t.Errorf("link %q without a commit", got)
			}
		})
	}
	s := Settings{Repository: at("https://forge.example/o/r")}
	s.Repository.CommitURL = "https://code.example/{sha}?x={sha}"
	if got, want := s.CommitLink("abc"), "https://code.example/abc?x=abc"; got != want {
		t.Errorf("link %q, want %q", got, want)
	}
}

func TestBranchLinkOnlyWhereTheForgeIsKnown(t *testing.T) {
	const clone = "https://forge.example/o/r.git"
	for _, test := range []struct{ name, remote, clone, forge, want string }{
		{"by the pipeline's forge", clone, clone, "forgejo", "https://forge.example/o/r/src/branch/{branch}"},
		{"over ssh", "git@forge.example:o/r.git", clone, "gitlab", "https://forge.example/o/r/-/tree/{branch}"},
		{"by its host", "git@github.com:o/r.git", clone, "gitea", "https://github.com/o/r/tree/{branch}"},
		{"another forge than the pipeline's", "https://other.example/o/r.git", clone, "gitea", ""},
		{"outside a pipeline", clone, "", "", ""},
		{"a forge that is not known", clone, clone, "addon", ""},
		{"a path", "/srv/git/r.git", "/srv/git/r.git", "gitea", ""},
	} {
		s := Settings{Repository: at(test.remote), CI: CI{CloneURL: test.clone, ForgeType: test.forge}}
		if got := s.BranchTemplate(); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	s := Settings{Repository: at(clone)}
	s.Repository.BranchURL = "https://code.example/?b={branch}"
	if got := s.BranchTemplate(); got != s.Repository.BranchURL {
		t.Errorf("branch_url goes before: %q", got)
	}
}
