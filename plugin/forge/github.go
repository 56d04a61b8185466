package forge

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// github is the REST API of GitHub, https://docs.github.com/rest/pulls.
type github struct {
	*api
	owner string
	root  string // of the repository
}

func newGitHub(a *api, p project) Forge {
	owner, name := p.owner()
	root := p.site + "/api/v3" // of an Enterprise Server
	if p.site == "https://github.com" {
		root = "https://api.github.com"
	}
	return &github{a, owner, root + "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name)}
}

func (g *github) Name() string { return "GitHub" }

type githubPull struct {
	Number   int64  `json:"number"`
	State    string `json:"state"` // open or closed
	MergedAt string `json:"merged_at"`
}

func (p githubPull) pull() *Pull { return pullOf(p.Number, p.State == "open", p.MergedAt != "") }

func (g *github) Find(ctx context.Context, head, base string) (*Pull, error) {
	var found []githubPull
	query := url.Values{"head": {g.owner + ":" + head}, "base": {base}, "state": {"all"}, "sort": {"created"}, "direction": {"desc"}, "per_page": {"1"}}
	if err := g.call(ctx, http.MethodGet, g.root+"/pulls?"+query.Encode(), nil, &found); err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].pull(), nil
}

func (g *github) Open(ctx context.Context, r Request) (*Pull, error) {
	var made githubPull
	err := g.call(ctx, http.MethodPost, g.root+"/pulls", map[string]any{"head": r.Head, "base": r.Base, "title": r.Title, "body": r.Body}, &made)
	if refused(err, http.StatusUnprocessableEntity) {
		// It has one status for all that is wrong: only looking tells.
		if open, findErr := g.Find(ctx, r.Head, r.Base); findErr == nil && open != nil && open.State == Open {
			return nil, ErrExists
		}
	}
	if err != nil {
		return nil, err
	}
	labelled := g.root + "/issues/" + strconv.FormatInt(made.Number, 10) + "/labels"
	_ = g.call(ctx, http.MethodPost, labelled, map[string]any{"labels": []string{label}}, nil) // it is open all the same
	return made.pull(), nil
}
