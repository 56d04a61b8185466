package forge

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// gitea is the API of Gitea and Forgejo, https://docs.gitea.com/api/.
type gitea struct {
	*api
	name string
	root string // of the repository
}

func newGitea(name string) func(*api, project) Forge {
	return func(a *api, p project) Forge {
		owner, repository := p.owner()
		return &gitea{a, name, p.site + "/api/v1/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(repository)}
	}
}

func (g *gitea) Name() string { return g.name }

type giteaPull struct {
	Number int64  `json:"number"`
	State  string `json:"state"` // open or closed
	Merged bool   `json:"merged"`
	Head   struct {
		Ref string `json:"ref"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
	} `json:"base"`
}

func (p giteaPull) pull() *Pull { return pullOf(p.Number, p.State == "open", p.Merged) }

// Of the pull requests that are not open there is no search by branch, so the
// newest are looked through.
const (
	giteaPage  = 50 // the most that a server gives by default
	giteaPages = 10
)

func (g *gitea) Find(ctx context.Context, head, base string) (*Pull, error) {
	var open giteaPull
	err := g.call(ctx, http.MethodGet, g.root+"/pulls/"+url.PathEscape(base)+"/"+url.PathEscape(head), nil, &open) // both may hold slashes
	if err == nil {
		return open.pull(), nil
	}
	if !refused(err, http.StatusNotFound) {
		return nil, err
	}
	for page := 1; page <= giteaPages; page++ {
		var ended []giteaPull
		query := url.Values{"state": {"closed"}, "sort": {"recentupdate"}, "limit": {strconv.Itoa(giteaPage)}, "page": {strconv.Itoa(page)}}
		if err := g.call(ctx, http.MethodGet, g.root+"/pulls?"+query.Encode(), nil, &ended); err != nil {
			return nil, err
		}
		for _, one := range ended {
			if one.Head.Ref == head && one.Base.Ref == base {
				return one.pull(), nil
			}
		}
		if len(ended) == 0 {
			break
		}
	}
	return nil, nil
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
	for page := 1; page <= giteaPages; page++ {
		var all []one
		if err := g.call(ctx, http.MethodGet, g.root+"/labels?limit="+strconv.Itoa(giteaPage)+"&page="+strconv.Itoa(page), nil, &all); err != nil {
			return 0, false
		}
		for _, l := range all {
			if l.Name == label {
				return l.ID, true
			}
		}
		if len(all) == 0 {
			break
		}
	}
	var made one
	err := g.call(ctx, http.MethodPost, g.root+"/labels", map[string]any{"name": label, "color": "#7a5af5", "description": "Opened by pm-todos"}, &made)
	return made.ID, err == nil
}
