package forge

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// gitlab is the REST API of GitLab, https://docs.gitlab.com/api/merge_requests/.
type gitlab struct {
	*api
	site string // of the API
	root string // of the project
}

func newGitLab(a *api, p project) Forge {
	site := p.site + "/api/v4"
	return &gitlab{a, site, site + "/projects/" + url.QueryEscape(p.path)}
}

func (g *gitlab) Name() string { return "GitLab" }

type gitlabRequest struct {
	IID       int64  `json:"iid"`
	State     string `json:"state"` // opened, closed, locked or merged
	Source    string `json:"source_branch"`
	Target    string `json:"target_branch"`
	SourceID  int64  `json:"source_project_id"`
	TargetID  int64  `json:"target_project_id"`
	SHA       string `json:"sha"`
	Author    login  `json:"author"`
	MergeUser login  `json:"merge_user"`
	MergedBy  login  `json:"merged_by"`         // its name before GitLab 14.7
	Merge     string `json:"merge_commit_sha"`  // null where the branch was moved forward
	Squash    string `json:"squash_commit_sha"` // null where the commits were not made one
}

func (r gitlabRequest) pull() *Pull {
	found := Pull{
		Number: r.IID, Head: r.Source, Base: r.Target, Commit: r.SHA, OpenedBy: r.Author.Username,
		MergedBy: cmp.Or(r.MergeUser.Username, r.MergedBy.Username), MergedAs: cmp.Or(r.Merge, r.Squash, r.SHA),
	}
	if r.SourceID != r.TargetID {
		found.Head = "" // a fork's branch may be called like ours
	}
	return found.in(r.State != "closed", r.State == "merged")
}

func (g *gitlab) at(number int64) string {
	return g.root + "/merge_requests/" + strconv.FormatInt(number, 10)
}

func (g *gitlab) Find(ctx context.Context, head, _ string, number int64) (*Pull, error) {
	if number > 0 {
		var one gitlabRequest
		err := g.call(ctx, http.MethodGet, g.at(number), nil, &one)
		if err == nil && one.pull().Head == head {
			return one.pull(), nil
		}
		if err != nil && !refused(err, http.StatusNotFound) {
			return nil, err
		}
	}
	query := url.Values{"source_branch": {head}, "state": {"all"}, "order_by": {"created_at"}, "sort": {"desc"}}
	return search[gitlabRequest](ctx, g.api, g.root+"/merge_requests", "per_page", 100, query, head)
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

func (g *gitlab) Mark(ctx context.Context, commit string, s Status) error {
	var has []struct{}
	err := g.call(ctx, http.MethodGet, g.root+"/repository/commits/"+commit+"/statuses?name="+statusName, nil, &has)
	if err != nil || len(has) > 0 {
		return err
	}
	return g.call(ctx, http.MethodPost, g.root+"/statuses/"+commit, s.body(), nil)
}

func (g *gitlab) Comment(ctx context.Context, number int64, body string) error {
	return comment(ctx, g.api, g.at(number)+"/notes", body)
}

func (g *gitlab) Close(ctx context.Context, number int64) error {
	return g.call(ctx, http.MethodPut, g.at(number), map[string]any{"state_event": "close"}, nil)
}

func (g *gitlab) Account(ctx context.Context) (string, error) {
	var own login
	err := g.call(ctx, http.MethodGet, g.site+"/user", nil, &own)
	return own.Username, err
}
