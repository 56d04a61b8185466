package forge

import (
	"context"
	"net/http"
	"net/url"
)

// gitlab is the REST API of GitLab, https://docs.gitlab.com/api/merge_requests/.
type gitlab struct {
	*api
	root string // of the project
}

func newGitLab(a *api, p project) Forge {
	return &gitlab{a, p.site + "/api/v4/projects/" + url.QueryEscape(p.path)}
}

func (g *gitlab) Name() string { return "GitLab" }

type gitlabRequest struct {
	IID   int64  `json:"iid"`
	State string `json:"state"` // opened, closed, locked or merged
}

func (r gitlabRequest) pull() *Pull { return pullOf(r.IID, r.State != "closed", r.State == "merged") }

func (g *gitlab) Find(ctx context.Context, head, base string) (*Pull, error) {
	var found []gitlabRequest
	query := url.Values{"source_branch": {head}, "target_branch": {base}, "state": {"all"}, "order_by": {"created_at"}, "sort": {"desc"}, "per_page": {"1"}}
	if err := g.call(ctx, http.MethodGet, g.root+"/merge_requests?"+query.Encode(), nil, &found); err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0].pull(), nil
}

func (g *gitlab) Open(ctx context.Context, r Request) (*Pull, error) {
	var made gitlabRequest
	err := g.call(ctx, http.MethodPost, g.root+"/merge_requests", map[string]any{
		"source_branch": r.Head, "target_branch": r.Base, "title": r.Title, "description": r.Body, "labels": label,
	}, &made)
	if refused(err, http.StatusConflict) {
		return nil, ErrExists
	}
	if err != nil {
		return nil, err
	}
	return made.pull(), nil
}
