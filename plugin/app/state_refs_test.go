package app

import (
	"strings"
	"testing"
)

func TestAForgeThatTakesOnlyBranchesAndTagsSeesAWholeRun(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	if err := s.Repo.InstallHook("update", "#!/bin/sh\ncase $1 in refs/heads/*|refs/tags/*) exit 0 ;; esac\necho only branches and tags >&2; exit 1\n"); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(map[string]string{"PLUGIN_STATE_REFS": "heads/pm-todos-state"}))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	refs, err := s.Repo.Refs("refs/")
	if err != nil || len(refs) != 2 || refs["refs/heads/pm-todos-state/ledger"] == "" {
		t.Errorf("the remote has %v, %v; want the branch and the ledger", refs, err)
	}
}

func TestPipelinesOfOurOwnBranchesEndAtOnce(t *testing.T) {
	t.Parallel()
	for branch, env := range map[string]map[string]string{
		"pm-todos/propose/x":  nil,
		"pm-todos-state/lock": {"PLUGIN_STATE_REFS": "heads/pm-todos-state"},
	} {
		for _, setting := range []string{"", "main"} {
			s := alertSite(t)
			given := map[string]string{"CI_COMMIT_BRANCH": branch, "PLUGIN_BRANCH": setting}
			for name, value := range env {
				given[name] = value
			}
			s.wants(0, s.run(given))
			s.says("this is our own state branch")
			if requests := s.Git.Requests(); len(requests) > 0 {
				t.Errorf("%s: the remote was contacted: %v", branch, requests)
			}
		}
	}
}
