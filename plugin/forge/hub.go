package forge

import (
	"context"
	"net/http"
	"net/url"
)

// hub is the API of GitHub as far as that of Gitea is the same.
type hub struct {
	*api
	site string // of the API
	root string // of the repository
}

func newHub(a *api, site string, p project) hub {
	owner, name := p.owner()
	return hub{a, site, site + "/repos/" + url.PathEscape(owner) + "/" + url.PathEscape(name)}
}

func (h hub) pull(number int64) string { return numbered(h.root+"/pulls", number) }

func (h hub) issues() string { return h.root + "/issues" }

// Mark looks through one page.
func (h hub) Mark(ctx context.Context, commit string, s Status) error {
	var has struct {
		Statuses []struct {
			Context string `json:"context"`
		} `json:"statuses"`
	}
	if err := h.call(ctx, http.MethodGet, h.root+"/commits/"+commit+"/status?per_page=100&limit=50", nil, &has); err != nil {
		return err
	}
	for _, one := range has.Statuses {
		if one.Context == statusName {
			return nil
		}
	}
	return h.call(ctx, http.MethodPost, h.root+"/statuses/"+commit, s.body(), nil)
}

// Comment adds it to the issue that the pull request is.
func (h hub) Comment(ctx context.Context, number int64, body string) error {
	return comment(ctx, h.api, numbered(h.issues(), number)+"/comments", body)
}

// Close closes it as it is.
func (h hub) Close(ctx context.Context, number int64) error {
	return h.call(ctx, http.MethodPatch, h.pull(number), map[string]any{"state": "closed"}, nil)
}

// Account asks for the user of the token.
func (h hub) Account(ctx context.Context) (string, error) {
	var own login
	err := h.call(ctx, http.MethodGet, h.site+"/user", nil, &own)
	return own.Login, err
}

// hubIssue is an issue where pull requests are issues too.
type hubIssue struct {
	Number int64  `json:"number"`
	State  string `json:"state"` // open or closed
	Body   string `json:"body"`
	User   login  `json:"user"`
	Labels []struct {
		Name string `json:"name"`
	} `json:"labels"`
	PullRequest *struct{} `json:"pull_request"`
}

func (i hubIssue) issue() Issue {
	found := Issue{Number: i.Number, Open: i.State == "open", Body: i.Body, Author: i.User.Login}
	for _, one := range i.Labels {
		found.Labelled = found.Labelled || one.Name == label
	}
	return found
}

func isPull(i hubIssue) bool { return i.PullRequest != nil }

// Issue asks for one by its number.
func (h hub) Issue(ctx context.Context, number int64) (*Issue, error) {
	return issueAt[hubIssue](ctx, h.api, numbered(h.issues(), number))
}

// EndIssue changes the state before it says why.
func (h hub) EndIssue(ctx context.Context, number int64, open bool, why string) error {
	state := "closed"
	if open {
		state = "open"
	}
	if err := h.call(ctx, http.MethodPatch, numbered(h.issues(), number), map[string]any{"state": state}, nil); err != nil {
		return err
	}
	return h.call(ctx, http.MethodPost, numbered(h.issues(), number)+"/comments", map[string]any{"body": why}, nil)
}
