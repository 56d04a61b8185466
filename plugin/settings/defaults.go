package settings

import (
	"path"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
)

// DefaultIndex is the dashboard that is kept up to date when the setting
// index is unset and the file carries this program's marker.
const DefaultIndex = "docs/post-mortems/index.html"

// defaultTypePaths is type_paths when it is unset, as far as the paths exist.
var defaultTypePaths = map[string][]string{
	"Alert":   {"stacks/monitoring/**"},
	"Monitor": {"stacks/monitoring/**", "stacks/uptime-kuma/**"},
}

// ScopeIn is what a change may touch in a repository with these paths: of the
// default type_paths only those count that match one of them, so that a repository
// laid out in another way is not locked out.
func (s Settings) ScopeIn(paths []string) policy.Scope {
	scope := s.Terraform.Scope
	scope.Documents, scope.Unplanned = s.Documents.PostMortems, s.Unplanned()
	if scope.TypePaths != nil {
		return scope
	}
	scope.TypePaths = map[string][]string{}
	for name, globs := range defaultTypePaths {
		for _, pattern := range globs {
			if slices.ContainsFunc(paths, func(p string) bool { return doublestar.MatchUnvalidated(pattern, p) }) {
				scope.TypePaths[name] = append(scope.TypePaths[name], pattern)
			}
		}
	}
	return scope
}

// stackPaths is allow_paths when only stacks are set: what is in them.
func stackPaths(stacks []string) []string {
	paths := make([]string, 0, len(stacks))
	for _, glob := range stacks {
		paths = append(paths, path.Join(glob, "**"))
	}
	return paths
}

// complete sets what follows from other settings. given tells which settings
// were set.
func (s *Settings) complete(given func(setting string) bool) {
	if !given("scope") {
		s.Documents.Scope = ScopeAll
		if s.CI.Event == "push" {
			s.Documents.Scope = ScopeChanged
		}
	}
	if s.Vault.Mount == "" {
		s.Vault.Mount = s.Vault.Auth
	}
	if s.Vault.AgentField == "" {
		s.Vault.AgentField = s.Vault.Field
	}
	if len(s.Hosts.AgentHosts) == 0 {
		s.Hosts.AgentHosts = slices.Clone(s.Hosts.Hosts)
	}
	if s.Unplanned() {
		s.Terraform.Stacks = []string{"."} // whatever they are, nothing is planned in them
		if s.Mode == ModeApply {
			s.Mode = ModePropose
		}
	}
	s.completeLogin()
}

// completeLogin takes the login for an https remote from netrc when none is
// set. It is never sent to another machine, nor over plain http.
func (s *Settings) completeLogin() {
	r := splitRemote(s.Repository.URL)
	repo, netrc := &s.Repository, s.CI.Netrc
	switch {
	case !r.web():
	case !repo.Password.Empty():
		if repo.Username == "" {
			repo.Username = "git"
		}
	case repo.Username == "" && r.named(netrc.Machine) && (r.scheme == "https" || r.loopback()):
		repo.Username, repo.Password = netrc.Username.Reveal(), netrc.Password
	}
}
