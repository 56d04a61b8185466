package forge

import (
	"context"
	"net/http"
	"net/url"
)

// github is the REST API of GitHub, https://docs.github.com/rest/pulls.
type github struct {
	hub
	owner string
}

func newGitHub(a *api, p project) Forge {
	owner, _ := p.owner()
	site := p.site + "/api/v3" // of an Enterprise Server
	if p.site == "https://github.com" {
		site = "https://api.github.com"
	}
	return &github{newHub(a, site, p), owner}
}

func (g *github) Name() string { return "GitHub" }

type githubPull struct {
	Number   int64        `json:"number"`
	State    string       `json:"state"` // open or closed
	User     login        `json:"user"`
	MergedAt string       `json:"merged_at"`
	MergedBy login        `json:"merged_by"` // not in lists
	MergedAs string       `json:"merge_commit_sha"`
	Head     githubBranch `json:"head"`
	Base     githubBranch `json:"base"`
}

// githubBranch is one side of a pull request. A fork that was deleted is null.
type githubBranch struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo struct {
		ID int64 `json:"id"`
	} `json:"repo"`
}

func (p githubPull) pull() *Pull {
	found := Pull{
		Number: p.Number, Head: p.Head.Ref, Base: p.Base.Ref, Commit: p.Head.SHA,
		OpenedBy: p.User.Login, MergedBy: p.MergedBy.Login, MergedAs: p.MergedAs,
	}
	if p.Head.Repo.ID != p.Base.Repo.ID {
		found.Head = "" // a fork's branch may be called like ours
	}
	return found.in(p.State == "open", p.MergedAt != "")
}

func (g *github) Find(ctx context.Context, head, _ string, number int64) (*Pull, error) {
	if number > 0 {
		one, err := g.one(ctx, number)
		if err == nil && one.Head == head {
			return one, nil
		}
		if err != nil && !refused(err, http.StatusNotFound) {
			return nil, err
		}
	}
	// The owner may have forks of the repository: they are asked for by the same words.
	query := url.Values{"head": {g.owner + ":" + head}, "state": {"all"}, "sort": {"created"}, "direction": {"desc"}}
	newest, err := search[githubPull](ctx, g.api, g.root+"/pulls", "per_page", 100, query, head)
	if err != nil || newest == nil || newest.State != Merged {
		return newest, err
	}
	return g.one(ctx, newest.Number) // lists do not say who merged
}

func (g *github) one(ctx context.Context, number int64) (*Pull, error) {
	var one githubPull
	if err := g.call(ctx, http.MethodGet, g.pull(number), nil, &one); err != nil {
		return nil, err
	}
	return one.pull(), nil
}

func (g *github) Open(ctx context.Context, r Request) (*Pull, error) {
	var made githubPull
	err := g.call(ctx, http.MethodPost, g.root+"/pulls", map[string]any{"head": r.Head, "base": r.Base, "title": r.Title, "body": r.Body}, &made)
	if refused(err, http.StatusUnprocessableEntity) {
		// It has one status for all that is wrong: only looking tells.
		if open, findErr := g.Find(ctx, r.Head, r.Base, 0); findErr == nil && open != nil && open.State == Open {
			return nil, ErrExists
		}
	}
	if err != nil {
		return nil, err
	}
	labelled := numbered(g.issues(), made.Number) + "/labels"
	_ = g.call(ctx, http.MethodPost, labelled, map[string]any{"labels": []string{label}}, nil) // it is open all the same
	return made.pull(), nil
}

func (g *github) Newest(ctx context.Context, account string) ([]Issue, error) {
	return newest(ctx, g.api, g.issues(), url.Values{"state": {"all"}, "sort": {"created"}, "direction": {"desc"}, "per_page": {"100"}}, "creator", account, isPull)
}

func (g *github) OpenIssue(ctx context.Context, title, body string) (*Issue, error) {
	var made hubIssue
	err := g.create(ctx, g.issues(), map[string]any{"title": title, "body": body, "labels": []string{label}}, &made)
	opened := made.issue()
	return &opened, err
}
