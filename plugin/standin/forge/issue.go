package forge

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Issue is an issue on the stand-in forge.
type Issue struct {
	Number      int
	Title, Body string
	Open        bool
	Author      string
	Labels      []string
	Comments    []string
}

// firstIssue is the number of the first issue: no pull request has it.
const firstIssue = 1001

// Issues are the issues so far, the oldest first.
func (f *Forge) Issues() []Issue {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Issue, len(f.issues))
	for i, one := range f.issues {
		all[i] = *one
	}
	return all
}

// AddIssue is an issue that a person opens.
func (f *Forge) AddIssue(one Issue) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addIssue(one)
}

func (f *Forge) addIssue(one Issue) *Issue {
	one.Number, one.Open = firstIssue+len(f.issues), true
	f.issues = append(f.issues, &one)
	return &one
}

// ChangeIssue is what a person makes of an issue.
func (f *Forge) ChangeIssue(number int, act func(*Issue)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	act(f.issues[number-firstIssue])
}

// issue answers a call about issues, and reports whether it was one.
func (f *Forge) issue(w http.ResponseWriter, r *http.Request, api string, call []string, in map[string]any) bool {
	if call[0] != "issues" {
		return false
	}
	number := firstIssue
	if len(call) > 1 {
		number, _ = strconv.Atoi(call[1])
	}
	if number < firstIssue {
		return false // a pull request is an issue too
	}
	if f.NoIssues {
		answer(w, map[string]int{"v1": http.StatusNotFound, "v3": http.StatusGone, "v4": http.StatusForbidden}[api], map[string]any{"message": "Issues are disabled for this repo"})
		return true
	}
	word := func(key string) string { text, _ := in[key].(string); return text }
	var one *Issue
	if at := number - firstIssue; len(call) > 1 && at < len(f.issues) {
		one = f.issues[at]
	}
	switch {
	case r.Method == http.MethodGet && len(call) == 1:
		answer(w, http.StatusOK, f.listed(api, r.URL.Query()))
	case r.Method == http.MethodPost && len(call) == 1:
		made := f.addIssue(Issue{Title: word("title"), Body: word("body") + word("description"), Author: account, Labels: labels(in["labels"])})
		answer(w, http.StatusCreated, made.shown(api))
	case one == nil:
		notFound(w)
	case r.Method == http.MethodGet:
		answer(w, http.StatusOK, one.shown(api))
	case r.Method == http.MethodPost && len(call) == 3 && call[2] == map[string]string{"v1": "comments", "v3": "comments", "v4": "notes"}[api]:
		one.Comments = append(one.Comments, word("body"))
		answer(w, http.StatusCreated, in)
	case r.Method == http.MethodPatch && api != "v4" && (in["state"] == "open" || in["state"] == "closed"):
		one.Open = in["state"] == "open"
		answer(w, http.StatusCreated, one.shown(api))
	case r.Method == http.MethodPut && api == "v4" && (in["state_event"] == "close" || in["state_event"] == "reopen"):
		one.Open = in["state_event"] == "reopen"
		answer(w, http.StatusOK, one.shown(api))
	default:
		notFound(w)
	}
	return true
}

// labels are names, or numbers where the forge wants those of its labels.
func labels(in any) (all []string) {
	switch in := in.(type) {
	case string:
		return []string{in}
	case []any:
		for _, one := range in {
			if one == 7.0 {
				one = "pm-todos"
			}
			all = append(all, fmt.Sprint(one))
		}
	}
	return all
}

// listed is a page of the issues of an author, or with a label, the newest first; on GitHub pull requests are among
// them.
func (f *Forge) listed(api string, query url.Values) []map[string]any {
	all := []map[string]any{}
	author := query.Get("creator") + query.Get("created_by") + query.Get("author_username")
	for _, one := range slices.Backward(f.issues) {
		if wanted := query.Get("labels"); (author == "" || one.Author == author) && (wanted == "" || slices.Contains(one.Labels, wanted)) {
			all = append(all, one.shown(api))
		}
	}
	if api == "v3" {
		for _, p := range f.pulls {
			all = append(all, map[string]any{"number": p.Number, "state": p.State, "body": p.Body, "user": map[string]any{"login": account}, "pull_request": map[string]any{}})
		}
	}
	size, _ := strconv.Atoi(query.Get("per_page") + query.Get("limit"))
	page, _ := strconv.Atoi(query.Get("page"))
	return all[min(len(all), (page-1)*size):min(len(all), page*size)]
}

// shown is an issue as an API has it.
func (i *Issue) shown(api string) map[string]any {
	state := map[bool]string{true: "open", false: "closed"}[i.Open]
	if api != "v4" {
		labels := []map[string]any{}
		for _, name := range i.Labels {
			labels = append(labels, map[string]any{"name": name})
		}
		return map[string]any{"number": i.Number, "state": state, "title": i.Title, "body": i.Body, "user": map[string]any{"login": i.Author}, "labels": labels}
	}
	if i.Open {
		state = "opened"
	}
	return map[string]any{"iid": i.Number, "state": state, "title": i.Title, "description": i.Body, "author": map[string]any{"username": i.Author}, "labels": i.Labels}
}
