// Package forge opens pull requests on the forge that the repository is on. Each
// kind of forge is a file: it says its calls as that forge takes them. How a
// call is signed, tried again and bounded is the same for all.
package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// State is what became of a pull request.
type State string

// The states of a pull request.
const (
	Open   State = "open"
	Merged State = "merged"
	Closed State = "closed" // without being merged
)

// Pull is a pull request; GitLab says merge request. What people can edit of it,
// its title and body, is not here: it decides nothing.
type Pull struct {
	Number   int64
	State    State
	Head     string // branch of this repository that it comes from, "" when that is a fork's
	Base     string // branch that it goes into: people can change it
	Commit   string // that the head has, or had when it ended
	OpenedBy string // account

	MergedBy string // account, when a person or a program merged it
	MergedAs string // commit of the base that stands for it since: of the merge, of the squash, or the last that was rebased
}

// in is the pull request in a state, by what most forges say of it.
func (p Pull) in(open, merged bool) *Pull {
	switch {
	case merged:
		p.State = Merged
		return &p
	case open:
		p.State = Open
	default:
		p.State = Closed
	}
	p.MergedBy, p.MergedAs = "", "" // GitHub names a commit that shows whether it could be merged
	return &p
}

// mostPages bounds how much of a list is looked through.
const mostPages = 10

// eachPage reads the pages of a list, down to an empty one, until enough was seen.
func eachPage[T any](ctx context.Context, a *api, list string, query url.Values, take func(page []T) (enough bool)) error {
	for page := 1; page <= mostPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var all []T
		if err := a.call(ctx, http.MethodGet, list+"?"+query.Encode(), nil, &all); err != nil {
			return err
		}
		if len(all) == 0 || take(all) {
			return nil
		}
	}
	return nil
}

// search goes through a list until a page of it has a pull request from the branch
// head, and takes the one there that was opened last. size is the name of the
// parameter for how many a page has, and most the value of it.
func search[T interface{ pull() *Pull }](ctx context.Context, a *api, list, size string, most int, query url.Values, head string) (newest *Pull, err error) {
	query.Set(size, strconv.Itoa(most))
	err = eachPage(ctx, a, list, query, func(page []T) (enough bool) {
		for _, one := range page {
			if found := one.pull(); found.Head == head && (newest == nil || found.Number > newest.Number) {
				newest = found
			}
		}
		return newest != nil
	})
	return newest, err
}

// login is an account; GitLab says username.
type login struct {
	Login    string `json:"login"`
	Username string `json:"username"`
}

// Request is a pull request to be opened, between two branches of one repository.
type Request struct {
	Head, Base  string
	Title, Body string // the body is Markdown
	Commit      string // that the head has
	Number      int64  // of the one that was opened before, 0 when none is known
}

// Status is what is said of a commit, beside those that pipelines say. It says that
// the rules let the commit pass, and never that it is right.
type Status struct {
	Text string // of at most 140 characters, which GitHub takes
	Page string // that it links to, "" for none
}

// statusName is how our status is called.
const statusName = "pm-todos"

// body is a status as Gitea and GitHub take it.
func (s Status) body() map[string]any {
	body := map[string]any{"state": "success", "context": statusName, "description": text.Line(s.Text, 140)}
	if s.Page != "" {
		body["target_url"] = s.Page
	}
	return body
}

// comment is Comment, at the address of the comments of a pull request.
func comment(ctx context.Context, a *api, address, body string) error {
	var all []struct {
		Body string `json:"body"`
	}
	if err := a.call(ctx, http.MethodGet, address+"?per_page=100", nil, &all); err != nil {
		return err
	}
	for _, one := range all {
		if strings.TrimSpace(one.Body) == strings.TrimSpace(body) {
			return nil
		}
	}
	return a.call(ctx, http.MethodPost, address, map[string]any{"body": body}, nil)
}

// label is put on every pull request, where the forge lets the account do so.
const label = "pm-todos"

// Forge is the pull requests and the issues of one repository.
type Forge interface {
	Tracker
	// Name is how people call the kind of forge.
	Name() string
	// Find is the pull request with a number, when it comes from the branch head of
	// this repository, else the newest that does, whatever people made of it, or nil
	// when there is none. base is where it was opened into.
	Find(ctx context.Context, head, base string, number int64) (*Pull, error)
	// Open opens a pull request. Its error is ErrExists when one is open already.
	Open(ctx context.Context, r Request) (*Pull, error)
	// Mark says of a commit that the rules let it pass, unless it says so already.
	Mark(ctx context.Context, commit string, s Status) error
	// Comment adds a comment, which is Markdown, unless it is there word for word.
	Comment(ctx context.Context, number int64, body string) error
	// Close closes a pull request without merging it.
	Close(ctx context.Context, number int64) error
	// Account is how the forge calls the account of the token.
	Account(ctx context.Context) (string, error)
}

// ErrExists says that the branch has an open pull request.
var ErrExists = errors.New("there is an open pull request of the branch")

// Config says which repository on which forge is meant.
type Config struct {
	Kind  string // one of Kinds
	Page  string // of the repository: https, or http on this machine
	Token secret.String
}

// kinds are the forges that pull requests can be opened on, by the names that
// Woodpecker has for them.
var kinds = map[string]func(*api, project) Forge{
	"gitea":   newGitea("Gitea"),
	"forgejo": newGitea("Forgejo"),
	"github":  newGitHub,
	"gitlab":  newGitLab,
}

// Kinds are the names of forges that New knows.
func Kinds() []string { return []string{"forgejo", "gitea", "github", "gitlab"} }

// project is a repository by the address of its page.
type project struct {
	site string // scheme, host and what stands before the path: https://example.org
	path string // owner/name; on GitLab with all groups
}

// name and owner split the path where the forge has exactly one owner.
func (p project) owner() (owner, name string) {
	at := strings.LastIndex(p.path, "/")
	return p.path[:at], p.path[at+1:]
}

// New makes the pull requests of a repository ready. It contacts nothing.
func New(c Config, way egress.Way) (Forge, error) {
	kind := kinds[c.Kind]
	if kind == nil {
		return nil, fmt.Errorf("%q is none of the forges %s", c.Kind, strings.Join(Kinds(), ", "))
	}
	p, err := projectOf(c)
	if err != nil {
		return nil, err
	}
	if c.Token.Empty() {
		return nil, fault.WithFix(errors.New("there is no token for the forge"), "set forge_token, or git_password, to a token that may open pull requests")
	}
	a, err := newAPI(c.Token, way)
	if err != nil {
		return nil, err
	}
	return kind(a, p), nil
}

// projectOf reads the page of a repository. A forge may live below a path of its
// site; of Gitea and GitHub the last two parts are the repository, of GitLab, whose
// groups nest, all of them.
func projectOf(c Config) (project, error) {
	u, err := url.Parse(c.Page)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return project{}, fmt.Errorf("the page of the repository is not known, so neither is its forge's API")
	}
	if u.Scheme == "http" && !egress.ThisMachine(u.Hostname()) {
		return project{}, fault.WithFix(errors.New("the forge would be told the token over plain http"), "give the remote by https")
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 || slices.Contains(parts, "..") {
		return project{}, fmt.Errorf("%s is not the page of a repository: owner and name are missing", u.Redacted())
	}
	p := project{site: u.Scheme + "://" + u.Host}
	if c.Kind != "gitlab" {
		below := parts[:len(parts)-2]
		p.site, parts = strings.Join(append([]string{p.site}, below...), "/"), parts[len(parts)-2:]
	}
	p.path = strings.Join(parts, "/")
	return p, nil
}

// Ensure is the pull request of a branch that holds a commit, opened when there is
// none. opened reports whether it is new. One that a person closed or merged is not
// opened again; one that ended with another commit is of an earlier branch of that
// name.
func Ensure(ctx context.Context, f Forge, r Request) (pull *Pull, opened bool, err error) {
	pull, err = f.Find(ctx, r.Head, r.Base, r.Number)
	if err != nil || pull != nil && pull.Of(r.Number, r.Commit) {
		return pull, false, err
	}
	pull, err = f.Open(ctx, r)
	if errors.Is(err, ErrExists) {
		// The answer to an earlier try was lost, or another run was faster.
		if pull, err = f.Find(ctx, r.Head, r.Base, 0); pull == nil && err == nil {
			err = ErrExists // and it is not among those that the forge lists
		}
		return pull, false, err
	}
	return pull, err == nil, err
}

// Of reports whether the pull request is the one with a number, or of a commit, and
// not of an earlier branch of the same name. One that is open is: a branch has one.
func (p Pull) Of(number int64, commit string) bool {
	return p.State == Open || p.Number == number || p.Commit == commit
}
