package forge

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Issue is an issue of the repository.
type Issue struct {
	Number   int64
	Open     bool
	Body     string
	Author   string // account
	Labelled bool   // has our label, which strangers cannot give
}

// Tracker is the issues of one repository.
type Tracker interface {
	// Newest are the issues that an account opened last, whatever became of them; not
	// those that are pull requests. Without an account they are those with our label,
	// which strangers cannot give.
	Newest(ctx context.Context, account string) ([]Issue, error)
	// Issue is the issue with a number, nil when there is none.
	Issue(ctx context.Context, number int64) (*Issue, error)
	// OpenIssue opens an issue. When its error is of kind fault.Temporary, it may have
	// been opened all the same.
	OpenIssue(ctx context.Context, title, body string) (*Issue, error)
	// EndIssue closes an issue, or opens it again, and then says why in a comment: a
	// forge that refuses the one gets no comment of every run.
	EndIssue(ctx context.Context, number int64, open bool, why string) error
}

// labIssue is an issue as GitLab has it.
type labIssue struct {
	IID    int64    `json:"iid"`
	State  string   `json:"state"` // opened or closed
	Body   string   `json:"description"`
	Author login    `json:"author"`
	Labels []string `json:"labels"`
}

func (i labIssue) issue() Issue {
	return Issue{i.IID, i.State == "opened", i.Body, i.Author.Username, slices.Contains(i.Labels, label)}
}

// newest reads the pages of a list, down to an empty one. by is the name of the
// parameter for who opened an issue.
func newest[T interface{ issue() Issue }](ctx context.Context, a *api, address string, query url.Values, by, account string, skip func(T) bool) ([]Issue, error) {
	if account == "" {
		by, account = "labels", label
	}
	query.Set(by, account)
	var found []Issue
	err := eachPage(ctx, a, address, query, func(page []T) (enough bool) {
		for _, one := range page {
			if !skip(one) {
				found = append(found, one.issue())
			}
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// issueAt is the issue at an address, nil when none is there, or was once.
func issueAt[T interface{ issue() Issue }](ctx context.Context, a *api, address string) (*Issue, error) {
	var one T
	err := a.call(ctx, http.MethodGet, address, nil, &one)
	if refused(err, http.StatusNotFound, http.StatusGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := one.issue()
	return &found, nil
}

func numbered(list string, number int64) string { return list + "/" + strconv.FormatInt(number, 10) }

func (g *gitlab) issues() string { return g.root + "/issues" }

func (g *gitlab) Newest(ctx context.Context, account string) ([]Issue, error) {
	query := url.Values{"scope": {"all"}, "order_by": {"created_at"}, "sort": {"desc"}, "per_page": {"100"}}
	return newest(ctx, g.api, g.issues(), query, "author_username", account, func(labIssue) bool { return false })
}

func (g *gitlab) Issue(ctx context.Context, number int64) (*Issue, error) {
	return issueAt[labIssue](ctx, g.api, numbered(g.issues(), number))
}

func (g *gitlab) OpenIssue(ctx context.Context, title, body string) (*Issue, error) {
	var made labIssue
	err := g.create(ctx, g.issues(), map[string]any{"title": title, "description": body, "labels": label}, &made)
	opened := made.issue()
	return &opened, err
}

func (g *gitlab) EndIssue(ctx context.Context, number int64, open bool, why string) error {
	event := "close"
	if open {
		event = "reopen"
	}
	if err := g.call(ctx, http.MethodPut, numbered(g.issues(), number), map[string]any{"state_event": event}, nil); err != nil {
		return err
	}
	return g.call(ctx, http.MethodPost, numbered(g.issues(), number)+"/notes", map[string]any{"body": why}, nil)
}
