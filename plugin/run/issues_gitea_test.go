package run_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/giteatest"
)

// TestIssuesOnARealGiteaAreOpenedOnceAndClosed has several runs at the same time, a row
// that is done, and one that is opened again.
func TestIssuesOnARealGiteaAreOpenedOnceAndClosed(t *testing.T) {
	t.Parallel()
	server := giteatest.Start(t)
	bot := server.Account("ci-bot")
	r := newRepository(t)
	server.Create("infra", r.path, "main", bot)
	remote := server.URL + "/" + server.Owner.Name + "/infra.git"
	r.path = strings.Replace(remote, "://", "://"+server.Owner.Name+":"+server.Owner.Token+"@", 1)
	for name, value := range map[string]string{"remote": remote, "git_username": bot.Name, "git_password": bot.Token, "forge": "gitea", "issues": "true"} {
		r.block[name] = value
	}
	type issue struct {
		Title, Body, State string
		Labels             []struct{ Name string }
		Comments           int
	}
	issues := func() (all []issue) {
		t.Helper()
		status, answer := server.Do(server.Owner, http.MethodGet, "repos/"+server.Owner.Name+"/infra/issues?state=all&type=issues", nil)
		if err := json.Unmarshal([]byte(answer), &all); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s: %v", status, answer, err)
		}
		return all
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { r.mustRun() })
	}
	all.Wait()
	log := r.mustRun()
	opened := issues()
	if len(opened) != 2 {
		t.Fatalf("issues %+v\n%s", opened, log)
	}
	for _, one := range opened {
		if one.State != "open" || len(one.Labels) != 1 || one.Labels[0].Name != "pm-todos" || !strings.Contains(one.Body, "needs a person") {
			t.Errorf("%+v", one)
		}
	}

	// The newest is the less urgent one.
	r.write("docs/post-mortems/2026-01-01-nfs.md", strings.Replace(peoples, "| TODO |\n| P2", "| Done |\n| P2", 1))
	r.mustRun()
	if now := issues(); now[1].State != "closed" || now[1].Comments != 1 || now[0].State != "open" {
		t.Errorf("after its row was done: %+v", now)
	}
	r.write("docs/post-mortems/2026-01-01-nfs.md", peoples)
	r.mustRun()
	if now := issues(); len(now) != 2 || now[1].State != "open" {
		t.Errorf("after its row was opened again: %+v", now)
	}
}
