// Package forge stands in for the pull requests of a forge, as the APIs of Gitea,
// GitHub and GitLab have them.
package forge

import (
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
}

// Forge keeps pull requests and answers as the APIs of Gitea, GitHub and GitLab do,
// each below its own path, as far as opening them needs it. Whoever calls must be
// signed by the token, when there is one.
type Forge struct {
	Token string

	mu    sync.Mutex
	pulls []*Pull
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

// End gives a pull request its state, as a person does who merges or closes it.
func (f *Forge) End(number int, state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls[number-1].State = state
}

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
	var in map[string]any
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&in) != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "no JSON"})
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/") // api, v…, repos or projects, …
	for i := range parts {
		parts[i], _ = url.PathUnescape(parts[i])
	}
	switch {
	case len(parts) == 5 && parts[1] == "v4" && parts[2] == "projects" && parts[4] == "merge_requests":
		f.gitlab(w, r, parts[3], in)
	case len(parts) >= 6 && parts[1] == "v1" && parts[2] == "repos":
		f.gitea(w, r, parts[3]+"/"+parts[4], parts[5:], in)
	case len(parts) >= 6 && parts[1] == "v3" && parts[2] == "repos":
		f.github(w, r, parts[3]+"/"+parts[4], parts[5:], in)
	default:
		answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	}
}

// find are the pull requests of a branch that are in one of the states, the newest
// first.
func (f *Forge) find(repository, head, base string, states ...string) (all []*Pull) {
	for _, p := range slices.Backward(f.pulls) {
		if p.Repository == repository && (head == "" || p.Head == head) && (base == "" || p.Base == base) && slices.Contains(states, p.State) {
			all = append(all, p)
		}
	}
	return all
}

// open opens a pull request, unless there is one.
func (f *Forge) open(repository string, in map[string]any, head, base, body string) *Pull {
	word := func(key string) string { text, _ := in[key].(string); return text }
	if len(f.find(repository, word(head), word(base), "open")) > 0 {
		return nil
	}
	p := &Pull{
		Number: len(f.pulls) + 1, Repository: repository, Head: word(head), Base: word(base),
		Title: word("title"), Body: word(body), State: "open",
	}
	f.pulls = append(f.pulls, p)
	return p
}

func (f *Forge) gitea(w http.ResponseWriter, r *http.Request, repository string, call []string, in map[string]any) {
	show := func(p *Pull) map[string]any {
		state := "closed"
		if p.State == "open" {
			state = "open"
		}
		return map[string]any{
			"number": p.Number, "state": state, "merged": p.State == "merged",
			"head": map[string]any{"ref": p.Head}, "base": map[string]any{"ref": p.Base},
		}
	}
	switch at := r.Method + " " + call[0]; {
	case at == "GET labels" && r.URL.Query().Get("page") == "1":
		answer(w, http.StatusOK, []map[string]any{{"id": 6, "name": "bug"}, {"id": 7, "name": "pm-todos"}})
	case at == "GET labels":
		answer(w, http.StatusOK, []any{})
	case at == "POST pulls":
		p := f.open(repository, in, "head", "base", "body")
		if p == nil {
			answer(w, http.StatusConflict, map[string]any{"message": "pull request already exists for these targets"})
			return
		}
		if labels, _ := in["labels"].([]any); len(labels) == 1 && labels[0] == 7.0 {
			p.Labels = []string{"pm-todos"}
		}
		answer(w, http.StatusCreated, show(p))
	case at == "GET pulls" && len(call) > 2:
		found := f.find(repository, strings.Join(call[2:], "/"), call[1], "open")
		if len(found) == 0 {
			answer(w, http.StatusNotFound, map[string]any{"message": "The target couldn't be found."})
			return
		}
		answer(w, http.StatusOK, show(found[0]))
	case at == "GET pulls":
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		listed := []map[string]any{}
		ended := f.find(repository, "", "", "closed", "merged")
		for _, p := range ended[min(len(ended), (page-1)*limit):min(len(ended), page*limit)] {
			listed = append(listed, show(p))
		}
		answer(w, http.StatusOK, listed)
	default:
		answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	}
}

func (f *Forge) github(w http.ResponseWriter, r *http.Request, repository string, call []string, in map[string]any) {
	show := func(p *Pull) map[string]any {
		shown := map[string]any{"number": p.Number, "state": "closed", "merged_at": nil}
		switch p.State {
		case "open":
			shown["state"] = "open"
		case "merged":
			shown["merged_at"] = "2026-01-02T03:04:05Z"
		}
		return shown
	}
	owner, _, _ := strings.Cut(repository, "/")
	switch at := r.Method + " " + call[0]; {
	case at == "GET pulls":
		query, listed := r.URL.Query(), []map[string]any{}
		for _, p := range f.find(repository, strings.TrimPrefix(query.Get("head"), owner+":"), query.Get("base"), "open", "closed", "merged") {
			listed = append(listed, show(p))
		}
		answer(w, http.StatusOK, listed)
	case at == "POST pulls":
		p := f.open(repository, in, "head", "base", "body")
		if p == nil {
			answer(w, http.StatusUnprocessableEntity, map[string]any{
				"message": "Validation Failed", "errors": []map[string]any{{"message": "A pull request already exists for " + owner + "."}},
			})
			return
		}
		answer(w, http.StatusCreated, show(p))
	case at == "POST issues" && len(call) == 3 && call[2] == "labels":
		number, _ := strconv.Atoi(call[1])
		labels, _ := in["labels"].([]any)
		for _, one := range labels {
			f.pulls[number-1].Labels = append(f.pulls[number-1].Labels, fmt.Sprint(one))
		}
		answer(w, http.StatusOK, []any{})
	default:
		answer(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	}
}

func (f *Forge) gitlab(w http.ResponseWriter, r *http.Request, repository string, in map[string]any) {
	show := func(p *Pull) map[string]any {
		state := p.State
		if state == "open" {
			state = "opened"
		}
		return map[string]any{"iid": p.Number, "state": state}
	}
	if r.Method == http.MethodGet {
		query, listed := r.URL.Query(), []map[string]any{}
		for _, p := range f.find(repository, query.Get("source_branch"), query.Get("target_branch"), "open", "closed", "merged") {
			listed = append(listed, show(p))
		}
		answer(w, http.StatusOK, listed)
		return
	}
	p := f.open(repository, in, "source_branch", "target_branch", "description")
	if p == nil {
		answer(w, http.StatusConflict, map[string]any{"message": []string{"Another open merge request already exists for this source branch: !1"}})
		return
	}
	if labels, _ := in["labels"].(string); labels != "" {
		p.Labels = strings.Split(labels, ",")
	}
	answer(w, http.StatusCreated, show(p))
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever went away learns nothing
}
