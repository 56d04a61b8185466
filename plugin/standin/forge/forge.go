// Package forge stands in for the pull requests of a forge, as the APIs of Gitea,
// GitHub and GitLab have them.
package forge

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Pull is a pull request on the stand-in forge.
type Pull struct {
	Number      int
	Repository  string // owner/name
	Head, Base  string
	Title, Body string
	State       string // "open", "merged" or "closed"
	Labels      []string
	Commit      string // that the head has
	Fork        bool   // the head is a branch of a fork, which the owner of the repository has too
	MergedBy    string
	MergedAs    string // commit of the base that stands for it
	Button      string // by which it was merged: "merge", "squash" or "rebase"
	Comments    []string
}

// Forge keeps pull requests and answers as the APIs of Gitea, GitHub and GitLab do,
// each below its own path, as far as proposals need it. Whoever calls must be
// signed by the token, when there is one.
type Forge struct {
	Token string
	// Tip is the commit of a branch, "" when there is none; nil for a forge without
	// commits.
	Tip func(repository, branch string) string

	NoIssues bool // the repository has none

	mu       sync.Mutex
	issues   []*Issue
	refused  int // status that every call is answered with, 0 for an answer
	pulls    []*Pull
	statuses map[string][]string // by commit
}

// Pulls are the pull requests so far, the oldest first.
func (f *Forge) Pulls() []Pull {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]Pull, len(f.pulls))
	for i, p := range f.pulls {
		all[i] = *p
	}
	return all
}

// Statuses are what was said of a commit, each as its state and words.
func (f *Forge) Statuses(commit string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.statuses[commit])
}

// End gives a pull request its state, as a person does who merges or closes it.
func (f *Forge) End(number int, state string) { f.Change(number, func(p *Pull) { p.State = state }) }

// Change is what a person makes of a pull request.
func (f *Forge) Change(number int, act func(*Pull)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	act(f.pulls[number-1])
}

// Refuse has every call answered with a status, until it is 0.
func (f *Forge) Refuse(status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = status
}

// account is who the token belongs to.
const account = "pm-todos"

// Serves reports whether a path belongs to one of the APIs.
func (f *Forge) Serves(path string) bool {
	return strings.HasPrefix(path, "/api/v1/") || strings.HasPrefix(path, "/api/v3/") || strings.HasPrefix(path, "/api/v4/")
}

// ServeHTTP answers one call.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.Token != "" && r.Header.Get("Authorization") != "Bearer "+f.Token {
		answer(w, http.StatusUnauthorized, map[string]any{"message": "token is required"})
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused != 0 {
		w.Header().Set("Retry-After", "3600")
		answer(w, f.refused, map[string]any{"message": http.StatusText(f.refused)})
		return
	}
	var in map[string]any
	if r.Method != http.MethodGet && json.NewDecoder(r.Body).Decode(&in) != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "no JSON"})
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/") // api, v…, repos or projects, …
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	switch {
	case len(parts) == 3 && parts[2] == "user":
		answer(w, http.StatusOK, map[string]any{"login": account, "username": account})
	case r.Method == http.MethodPost && len(parts) > 5 && parts[len(parts)-2] == "statuses":
		if f.statuses == nil {
			f.statuses = map[string][]string{}
		}
		commit := parts[len(parts)-1]
		f.statuses[commit] = append(f.statuses[commit], fmt.Sprint(in["state"], " ", in["context"], ": ", in["description"], " ", in["target_url"]))
		answer(w, http.StatusCreated, in)
	case r.Method == http.MethodGet && len(parts) == 8 && parts[5] == "commits":
		listed := []map[string]any{}
		for range f.statuses[parts[6]] {
			listed = append(listed, map[string]any{"context": "pm-todos", "name": "pm-todos"})
		}
		if parts[7] == "statuses" { // GitLab's
			answer(w, http.StatusOK, listed)
			return
		}
		answer(w, http.StatusOK, map[string]any{"statuses": listed})
	case len(parts) >= 5 && parts[2] == "projects" && f.issue(w, r, parts[1], parts[4:], in),
		len(parts) >= 6 && parts[2] == "repos" && f.issue(w, r, parts[1], parts[5:], in):
	case r.Method == http.MethodGet && len(parts) == 7 && parts[6] == "notes":
		f.comments(w, f.numbered(parts[3], parts[4:]))
	case r.Method == http.MethodGet && len(parts) == 8 && parts[7] == "comments":
		f.comments(w, f.numbered(parts[3]+"/"+parts[4], parts[5:]))
	case len(parts) >= 5 && parts[1] == "v4" && parts[2] == "projects" && parts[4] == "merge_requests":
		f.answer(w, r, parts[1], parts[3], parts[4:], in)
	case len(parts) >= 6 && parts[1] != "v4" && parts[2] == "repos":
		f.answer(w, r, parts[1], parts[3]+"/"+parts[4], parts[5:], in)
	default:
		notFound(w)
	}
}

// numbered is the pull request that a call names, nil when there is none.
func (f *Forge) numbered(repository string, call []string) *Pull {
	if len(call) < 2 {
		return nil
	}
	n, err := strconv.Atoi(call[1])
	if err != nil || n < 1 || n > len(f.pulls) || f.pulls[n-1].Repository != repository {
		return nil
	}
	f.follow(f.pulls[n-1])
	return f.pulls[n-1]
}

// comments lists those of a pull request.
func (f *Forge) comments(w http.ResponseWriter, p *Pull) {
	if p == nil {
		notFound(w)
		return
	}
	listed := []map[string]any{}
	for _, body := range p.Comments {
		listed = append(listed, map[string]any{"body": body})
	}
	answer(w, http.StatusOK, listed)
}

// change closes a pull request or adds a comment, and reports whether a call asked
// for that.
func (f *Forge) change(method string, p *Pull, call []string, in map[string]any) bool {
	switch at := method + " " + call[0]; {
	case (at == "PATCH pulls" && in["state"] == "closed" || at == "PUT merge_requests" && in["state_event"] == "close") && p.State == "open":
		p.State = "closed"
	case len(call) == 3 && (at == "POST issues" && call[2] == "comments" || at == "POST merge_requests" && call[2] == "notes"):
		p.Comments = append(p.Comments, fmt.Sprint(in["body"]))
	default:
		return false
	}
	return true
}

// source is the number of the repository that a pull request comes from; its own
// is 1.
func (p *Pull) source() int {
	if p.Fork {
		return 2
	}
	return 1
}

// person is an account, as the APIs say it.
func person(name string) map[string]any { return map[string]any{"login": name, "username": name} }

// mergedBy is who merged a pull request, null for nobody.
func (p *Pull) mergedBy() map[string]any {
	if p.State != "merged" {
		return nil
	}
	return person(p.MergedBy)
}

// mergedAs is the commit that it was merged as, null for none.
func (p *Pull) mergedAs(buttons ...string) any {
	if p.State != "merged" || len(buttons) > 0 && !slices.Contains(buttons, p.Button) {
		return nil
	}
	return p.MergedAs
}

func notFound(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
}

// find are the pull requests of a branch that are in one of the states, the newest
// first.
func (f *Forge) find(repository, head, base string, states ...string) (all []*Pull) {
	for _, p := range slices.Backward(f.pulls) {
		f.follow(p)
		if p.Repository == repository && (head == "" || p.Head == head) && (base == "" || p.Base == base) && slices.Contains(states, p.State) {
			all = append(all, p)
		}
	}
	return all
}

var everyState = []string{"open", "closed", "merged"}

// list answers with one page of a list; size is the name of the parameter for how
// many it may have.
func list(w http.ResponseWriter, r *http.Request, size string, all []*Pull, show func(*Pull) map[string]any) {
	asked := func(name string, otherwise int) int {
		n, _ := strconv.Atoi(r.URL.Query().Get(name))
		return cmp.Or(n, otherwise)
	}
	most := min(asked(size, 30), 100)
	from := (asked("page", 1) - 1) * most
	listed := []map[string]any{}
	for _, p := range all[min(len(all), from):min(len(all), from+most)] {
		listed = append(listed, show(p))
	}
	answer(w, http.StatusOK, listed)
}

// follow has a pull request that is open hold what its branch holds.
func (f *Forge) follow(p *Pull) {
	if f.Tip == nil || p.State != "open" {
		return
	}
	if tip := f.Tip(p.Repository, p.Head); tip != "" {
		p.Commit = tip
	}
}

// open opens a pull request, unless there is one.
func (f *Forge) open(repository string, in map[string]any, head, base, body string) *Pull {
	word := func(key string) string { text, _ := in[key].(string); return text }
	if slices.ContainsFunc(f.find(repository, word(head), word(base), "open"), func(p *Pull) bool { return !p.Fork }) {
		return nil
	}
	p := &Pull{
		Number: len(f.pulls) + 1, Repository: repository, Head: word(head), Base: word(base),
		Title: word("title"), Body: word(body), State: "open",
	}
	f.follow(p)
	f.pulls = append(f.pulls, p)
	return p
}

// api is how one of the APIs names and shows pull requests.
type api struct {
	size             string // parameter for the length of a page
	head, base, body string // of a new one, and in queries
	status           int    // when there is one already
	exists           map[string]any
	show             func(f *Forge, p *Pull) map[string]any
}

// apis are by the version in the path: those of Gitea, GitHub and GitLab.
var apis = map[string]api{
	"v1": {
		"limit", "head", "base", "body", http.StatusConflict,
		map[string]any{"message": "pull request already exists for these targets"},
		(*Forge).gitea,
	},
	"v3": {
		"per_page", "head", "base", "body", http.StatusUnprocessableEntity,
		map[string]any{"message": "Validation Failed", "errors": []map[string]any{{"message": "A pull request already exists for that branch."}}},
		(*Forge).github,
	},
	"v4": {
		"per_page", "source_branch", "target_branch", "description", http.StatusConflict,
		map[string]any{"message": []string{"Another open merge request already exists for this source branch: !1"}},
		(*Forge).gitlab,
	},
}

func (f *Forge) gitea(p *Pull) map[string]any {
	state, sha := "closed", p.Commit
	if p.State == "open" {
		state = "open"
	} else if f.Tip != nil {
		sha = cmp.Or(f.Tip(p.Repository, p.Head), sha) // as it is now
	}
	return map[string]any{
		"number": p.Number, "state": state, "user": person(account),
		"merged": p.State == "merged", "merged_by": p.mergedBy(), "merge_commit_sha": p.mergedAs(),
		"head": map[string]any{"label": p.Head, "ref": p.Head, "sha": sha, "repo_id": p.source()},
		"base": map[string]any{"label": p.Base, "ref": p.Base, "repo_id": 1},
	}
}

func (f *Forge) github(p *Pull) map[string]any {
	shown := map[string]any{
		"number": p.Number, "state": "closed", "user": person(account), "merged_at": nil, "merge_commit_sha": p.mergedAs(),
		"head": map[string]any{"ref": p.Head, "sha": p.Commit, "repo": map[string]any{"id": p.source()}},
		"base": map[string]any{"ref": p.Base, "repo": map[string]any{"id": 1}},
	}
	switch p.State {
	case "open":
		shown["state"] = "open"
		shown["merge_commit_sha"] = strings.Repeat("7e57", 10) // a merge of GitHub's own, to see whether it could be merged
	case "merged":
		shown["merged_at"] = "2026-01-02T03:04:05Z"
	}
	return shown
}

func (f *Forge) gitlab(p *Pull) map[string]any {
	state, sha := p.State, p.Commit
	if p.State == "open" {
		state = "opened"
	}
	if p.State == "merged" && p.Button == "rebase" {
		sha = p.MergedAs // the branch is rebased before the base is moved forward to it
	}
	return map[string]any{
		"iid": p.Number, "state": state, "source_branch": p.Head, "target_branch": p.Base, "sha": sha,
		"source_project_id": p.source(), "target_project_id": 1, "author": person(account), "merge_user": p.mergedBy(),
		"merge_commit_sha": p.mergedAs("merge"), "squash_commit_sha": p.mergedAs("squash"),
	}
}

// answer answers a call about pull requests: what follows the repository in the
// path, the first of it pulls, issues or merge_requests, or what only one API has.
func (f *Forge) answer(w http.ResponseWriter, r *http.Request, version, repository string, call []string, in map[string]any) {
	its, query := apis[version], r.URL.Query()
	one := f.numbered(repository, call)
	switch at := version + " " + r.Method + " " + call[0]; {
	case at == "v1 GET labels" && query.Get("page") == "1":
		answer(w, http.StatusOK, []map[string]any{{"id": 6, "name": "bug"}, {"id": 7, "name": "pm-todos"}})
	case at == "v1 GET labels":
		answer(w, http.StatusOK, []any{})
	case at == "v1 GET git" && len(call) == 5 && call[2] == "pull":
		if one = f.numbered(repository, call[2:]); one == nil {
			notFound(w)
			return
		}
		answer(w, http.StatusOK, []any{map[string]any{"object": map[string]any{"sha": one.Commit}}})
	case at == "v1 GET pulls" && len(call) > 2:
		found := f.find(repository, strings.Join(call[2:], "/"), call[1], "open")
		if len(found) == 0 || found[0].Fork {
			answer(w, http.StatusNotFound, map[string]any{"message": "The target couldn't be found."})
			return
		}
		answer(w, http.StatusOK, f.gitea(found[0]))
	case at == "v3 POST issues" && len(call) == 3 && call[2] == "labels" && one != nil:
		one.Labels = append(one.Labels, labels(in["labels"])...)
		answer(w, http.StatusOK, []any{})
	case r.Method == http.MethodGet && len(call) == 1:
		owner, _, _ := strings.Cut(repository, "/")
		list(w, r, its.size, f.find(repository, strings.TrimPrefix(query.Get(its.head), owner+":"), query.Get(its.base), everyState...),
			func(p *Pull) map[string]any { return its.show(f, p) })
	case r.Method == http.MethodPost && len(call) == 1:
		p := f.open(repository, in, its.head, its.base, its.body)
		if p == nil {
			answer(w, its.status, its.exists)
			return
		}
		p.Labels = labels(in["labels"])
		answer(w, http.StatusCreated, its.show(f, p))
	case one != nil && r.Method == http.MethodGet, one != nil && f.change(r.Method, one, call, in):
		shown := its.show(f, one)
		if version == "v3" {
			shown["merged_by"] = one.mergedBy() // which lists do not say
		}
		answer(w, http.StatusOK, shown)
	default:
		notFound(w)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever went away learns nothing
}
