package forge

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// gitea is the API of Gitea and Forgejo, https://docs.gitea.com/api/.
type gitea struct {
	hub
	name string
}

func newGitea(name string) func(*api, project) Forge {
	return func(a *api, p project) Forge { return &gitea{newHub(a, p.site+"/api/v1", p), name} }
}

func (g *gitea) Name() string { return g.name }

type giteaPull struct {
	Number   int64       `json:"number"`
	State    string      `json:"state"` // open or closed
	User     login       `json:"user"`
	Merged   bool        `json:"merged"`
	MergedBy login       `json:"merged_by"`
	MergedAs string      `json:"merge_commit_sha"`
	Head     giteaBranch `json:"head"`
	Base     giteaBranch `json:"base"`
}

// giteaBranch is one side of a pull request. Of a branch that was deleted the label
// still is the branch, and the ref is that of the pull request.
type giteaBranch struct {
	Label  string `json:"label"`
	Ref    string `json:"ref"`
	SHA    string `json:"sha"`
	RepoID int64  `json:"repo_id"`
}

func (b giteaBranch) name() string {
	if b.Ref == "" || strings.HasPrefix(b.Ref, "refs/pull/") {
		return b.Label
	}
	return b.Ref
}

func (p giteaPull) pull() *Pull {
	found := Pull{
		Number: p.Number, Head: p.Head.name(), Base: p.Base.name(), Commit: p.Head.SHA,
		OpenedBy: p.User.Login, MergedBy: p.MergedBy.Login, MergedAs: p.MergedAs,
	}
	if p.Head.RepoID != p.Base.RepoID {
		found.Head = "" // a fork's branch may be called like ours
	}
	return found.in(p.State == "open", p.Merged)
}

// giteaPage is the most that a server gives by default. Others give less.
const giteaPage = 50

func (g *gitea) Find(ctx context.Context, head, base string, number int64) (*Pull, error) {
	address := "/pulls/" + url.PathEscape(base) + "/" + url.PathEscape(head) // both may hold slashes
	if number > 0 {
		address = "/pulls/" + strconv.FormatInt(number, 10)
	}
	var one giteaPull
	err := g.call(ctx, http.MethodGet, g.root+address, nil, &one)
	if err == nil && one.pull().Head == head {
		return g.ended(ctx, one.pull())
	}
	if err != nil && !refused(err, http.StatusNotFound) {
		return nil, err
	}
	// There is no search by the branch, so the newest of all are looked through.
	newest, err := search[giteaPull](ctx, g.api, g.root+"/pulls", "limit", giteaPage, url.Values{"state": {"all"}, "sort": {"recentupdate"}}, head)
	if err != nil {
		return nil, err
	}
	return g.ended(ctx, newest)
}

// ended is a pull request with the commit that it ended with. Of one that is not
// open, the answer has the commit of the branch, which may have been made anew since.
func (g *gitea) ended(ctx context.Context, p *Pull) (*Pull, error) {
	if p == nil || p.State == Open {
		return p, nil
	}
	var refs []struct {
		Object struct {
			SHA string `json:"sha"`
		} `json:"object"`
	}
	err := g.call(ctx, http.MethodGet, g.root+"/git/refs/pull/"+strconv.FormatInt(p.Number, 10)+"/head", nil, &refs)
	if err != nil && !refused(err, http.StatusNotFound) {
		return nil, err
	}
	p.Commit = ""
	if len(refs) > 0 {
		p.Commit = refs[0].Object.SHA
	}
	return p, nil
}

func (g *gitea) Open(ctx context.Context, r Request) (*Pull, error) {
	var made giteaPull
	call := map[string]any{"head": r.Head, "base": r.Base, "title": r.Title, "body": r.Body}
	if id, ok := g.label(ctx); ok {
		call["labels"] = []int64{id}
	}
	// A branch that was pushed a moment ago is not known yet.
	err := g.call(ctx, http.MethodPost, g.root+"/pulls", call, &made, http.StatusNotFound)
	if refused(err, http.StatusConflict) {
		return nil, ErrExists
	}
	if err != nil {
		return nil, err
	}
	return made.pull(), nil
}

// label is the id of the label, made when there is none. An account that may not
// do so opens pull requests without.
func (g *gitea) label(ctx context.Context) (id int64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, perTry)
	defer cancel()
	type one struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	err := eachPage(ctx, g.api, g.root+"/labels", url.Values{"limit": {strconv.Itoa(giteaPage)}}, func(page []one) (enough bool) {
		for _, l := range page {
			if l.Name == label {
				id = l.ID
			}
		}
		return id != 0
	})
	if err != nil || id != 0 {
		return id, err == nil
	}
	var made one
	err = g.call(ctx, http.MethodPost, g.root+"/labels", map[string]any{"name": label, "color": "#7a5af5", "description": "Opened by pm-todos"}, &made)
	return made.ID, err == nil
}

func (g *gitea) Newest(ctx context.Context, account string) ([]Issue, error) {
	return newest(ctx, g.api, g.issues(), url.Values{"state": {"all"}, "type": {"issues"}, "limit": {strconv.Itoa(giteaPage)}}, "created_by", account, isPull)
}

func (g *gitea) OpenIssue(ctx context.Context, title, body string) (*Issue, error) {
	call := map[string]any{"title": title, "body": body}
	if id, ok := g.label(ctx); ok {
		call["labels"] = []int64{id}
	}
	var made hubIssue
	err := g.create(ctx, g.issues(), call, &made)
	opened := made.issue()
	return &opened, err
}
