package settings

import (
	"cmp"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// remote is the address of a git repository, taken apart for links and
// comparisons. What a good address is, package gitrepo says.
type remote struct {
	scheme string // https, http, ssh or file
	host   string // without port and brackets, lower case; empty for file
	port   string
	path   string
}

// scpLike is git's short form of ssh: [user@]host:path.
var scpLike = pattern.Lazy(`^(?:[^@/:]+@)?([^@/:\[\]]+|\[[0-9A-Fa-f:.]+\]):([^:].*)$`)

// splitRemote takes an address apart. What it does not understand is a path.
func splitRemote(address string) remote {
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return remote{scheme: "file"}
		}
		return remote{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port(), path: u.Path}
	}
	if m := scpLike().FindStringSubmatch(address); m != nil && !strings.HasPrefix(address, ".") {
		return remote{scheme: "ssh", host: strings.ToLower(strings.Trim(m[1], "[]")), path: m[2]}
	}
	return remote{scheme: "file", path: address}
}

// web reports whether the remote is reached over https or http.
func (r remote) web() bool { return r.scheme == "https" || r.scheme == "http" }

// loopback reports whether the remote is on this machine by its very name.
func (r remote) loopback() bool { return egress.ThisMachine(r.host) }

// named reports whether a netrc machine is the remote's host. Some forges add
// the port.
func (r remote) named(machine string) bool {
	machine = strings.ToLower(machine)
	return r.host != "" && (machine == r.host || machine == net.JoinHostPort(r.host, r.port))
}

// page is the address of the repository's page on its forge, without
// credentials; "" for paths. Forges serve their pages over https under the
// name that ssh uses, but seldom under ssh's port.
func (r remote) page() string {
	if !r.web() && r.scheme != "ssh" {
		return ""
	}
	u := url.URL{Scheme: r.scheme, Host: r.host, Path: path.Clean("/" + strings.TrimSuffix(strings.TrimSuffix(r.path, "/"), ".git"))}
	if strings.Contains(r.host, ":") {
		u.Host = "[" + r.host + "]"
	}
	switch {
	case r.scheme == "ssh":
		u.Scheme = "https"
	case r.port != "":
		u.Host = net.JoinHostPort(r.host, r.port)
	}
	return u.String()
}

// CommitTemplate is the link of a commit with {sha} for its full hash; "" when
// no page is known. It is commit_url, else made from the remote, else from the
// page that Woodpecker names.
func (s Settings) CommitTemplate() string {
	if s.Repository.CommitURL != "" {
		return s.Repository.CommitURL
	}
	if page := s.repositoryPage(); page != "" {
		return page + "/commit/{sha}"
	}
	return ""
}

// repositoryPage is the page of the repository on its forge; "" when none is
// known.
func (s Settings) repositoryPage() string {
	for _, address := range []string{s.Repository.URL, s.CI.RepoURL} {
		if page := splitRemote(address).page(); page != "" {
			return page
		}
	}
	return ""
}

// forgePages are where forges, by Woodpecker's names of them, show a branch, a
// pull request and an issue. Other than a commit's, the places differ.
var forgePages = map[string]struct{ branch, pull, issue string }{
	"gitea":     {"/src/branch/{branch}", "/pulls/{number}", "/issues/{number}"},
	"forgejo":   {"/src/branch/{branch}", "/pulls/{number}", "/issues/{number}"},
	"github":    {"/tree/{branch}", "/pull/{number}", "/issues/{number}"},
	"gitlab":    {"/-/tree/{branch}", "/-/merge_requests/{number}", "/-/issues/{number}"},
	"bitbucket": {branch: "/branch/{branch}"},
}

// publicForges are the forges of well-known hosts.
var publicForges = map[string]string{
	"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "forgejo", "gitea.com": "gitea", "bitbucket.org": "bitbucket",
}

// BranchTemplate is the link of a branch with {branch} for its name; "" when
// branch_url is unset, and it is not known which forge the remote is on.
func (s Settings) BranchTemplate() string {
	return cmp.Or(s.Repository.BranchURL, s.onForge(forgePages[s.forgeKind()].branch))
}

// PullTemplate is the link of a pull request with {number} for its number; ""
// when it is not known which forge the remote is on.
func (s Settings) PullTemplate() string { return s.onForge(forgePages[s.forgeKind()].pull) }

// IssueTemplate is the link of an issue with {number} for its number; "" when it is
// not known which forge the remote is on.
func (s Settings) IssueTemplate() string { return s.onForge(forgePages[s.forgeKind()].issue) }

func (s Settings) onForge(below string) string {
	page := s.repositoryPage()
	if page == "" || below == "" {
		return ""
	}
	return page + below
}

// forgeKind is Woodpecker's name of the forge that the remote is on; "" when it is
// not known.
func (s Settings) forgeKind() string {
	if kind := s.Repository.ForgeKind; kind != "" && kind != NoForge {
		return kind
	}
	if kind := publicForges[splitRemote(s.repositoryPage()).host]; kind != "" {
		return kind
	}
	if s.CI.CloneURL != "" && !s.ForeignForge() {
		return s.CI.ForgeType
	}
	return ""
}

// NoForge is the kind of forge on which no pull requests are opened.
const NoForge = "none"

// Forge is where pull requests are opened; nil when the forge is not known, has
// none, or the settings want none. It contacts nothing.
func (s Settings) Forge() (forge.Forge, error) {
	kind := s.forgeKind()
	if s.Repository.ForgeKind == NoForge || !slices.Contains(forge.Kinds(), kind) {
		return nil, nil
	}
	token := s.Repository.ForgeToken
	if token.Empty() {
		token = s.Repository.Password
	}
	return forge.New(forge.Config{Kind: kind, Page: s.repositoryPage(), Token: token}, s.Repository.Way)
}

// CommitLink is the link of the commit with that full hash; "" when there is
// no hash or no page is known.
func (s Settings) CommitLink(sha string) string {
	if sha == "" {
		return ""
	}
	return strings.ReplaceAll(s.CommitTemplate(), "{sha}", sha)
}

// ForeignForge reports whether the pipeline belongs to a repository on another
// host than the remote.
func (s Settings) ForeignForge() bool {
	return s.CI.CloneURL != "" && splitRemote(s.Repository.URL).host != splitRemote(s.CI.CloneURL).host
}
