package app

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

const (
	webValues = "apps/web/values.yaml"
	webRow    = "| P2 | Raise the web replicas from 2 to 3 | Config | in apps/web | TODO |"
)

// gitopsSite is a repository that something else applies, with an item for an
// application of it, and the settings of the page on GitOps.
func gitopsSite(t *testing.T) (*site, map[string]string) {
	t.Helper()
	o := only("2026-01-01-alert.md", document(webRow))
	o.Files[webValues] = "replicas: 2\n"
	o.AgentScript = "sed -i 's/replicas: 2/replicas: 3/' " + webValues + "\n"
	return newSite(t, o), map[string]string{"CI_FORGE_TYPE": "gitlab", "PLUGIN_TERRAFORM": "none", "PLUGIN_ALLOW_PATHS": "apps/**", "PLUGIN_SCOPE": "all"}
}

// Without Terraform everything is proposed without a plan, and what is merged is
// handed over.
func TestGitOpsRepositoryIsProposedToAndHandedOver(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s, none := gitopsSite(t)
	s.wants(0, s.run(none))
	s.wantsEnded("proposed")
	s.says("it is not planned", "not planned")
	pull := s.Git.Forge.Pulls()[0]
	if !strings.Contains(pull.Body, "**Not planned**") || !strings.Contains(pull.Body, "hands the change over") || strings.Contains(pull.Body, "Nothing is destroyed") {
		t.Errorf("the pull request says\n%s", pull.Body)
	}
	if message := must[[]git.Commit](t)(s.Repo.Log(pull.Head))[0].Body; !strings.Contains(message, "Not planned: ") || !strings.Contains(message, "Post-Mortem-Plan: not planned") {
		t.Errorf("the commit says\n%s", message)
	}
	if s.paid() != 1 {
		t.Errorf("%d agents were paid", s.paid())
	}
	s.byHand(`git merge -q --squash origin/` + pull.Head + ` && git commit -q -m "More web" && git push -q origin HEAD`)
	if err := s.Repo.Protect(""); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(none))
	s.wantsEnded("proposed proposal-merged") // without a plan, a record alone proves nothing
	s.Git.Forge.Change(pull.Number, func(p *forge.Pull) { p.State, p.MergedBy, p.MergedAs = "merged", "ana", s.tip() })
	s.wants(1, s.run(with(none, "PLUGIN_VERIFY_COMMAND", "exit 1")))
	s.wantsEnded("failed verify-failed")
	s.wants(0, s.run(none))
	s.wantsEnded("done")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| in apps/web | Done |") {
		t.Errorf("handed over and not done:\n%s", doc)
	}
	s.linksResolve(s.file(alertDocument))
	s.nothingLeft()
}

// TestGitOpsPageWorksAsWritten runs with the settings of each section of the page
// on a repository as the section has it.
func TestGitOpsPageWorksAsWritten(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	for section, edit := range map[string]struct{ file, from, to string }{
		"Flux and Argo CD": {"apps/web/release.yaml", "spec:\n  values:\n    replicaCount: 2\n", "replicaCount: 3"},
		"Atlantis":         {"environments/prod/main.tf", "locals {\n  replicas = 2\n}\n", "replicas = 3"},
		"Terraform Cloud":  {"terraform/deployments/web/main.tf", "locals {\n  replicas = 2\n}\n", "replicas = 3"},
		"Helmfile":         {"releases/web.yaml", "replicas: 2\n", "replicas: 3"},
	} {
		t.Run(section, func(t *testing.T) {
			t.Parallel()
			o := only("2026-01-01-alert.md", document(webRow))
			o.Files[edit.file] = edit.from
			o.AgentScript = "sed -i 's/2/3/' " + edit.file + "\n"
			s := newSite(t, o)
			given := map[string]string{"PLUGIN_SCOPE": "all"}
			for name, value := range pageSettings(t, section) {
				switch name {
				case "hosts", "git_password", "vault_addr": // the site has its own
				case "verify_command":
					given["PLUGIN_VERIFY_COMMAND"] = "grep -q '" + edit.to + "' " + edit.file // what it asks is not here
				default:
					given["PLUGIN_"+strings.ToUpper(name)] = value
				}
			}
			s.wants(0, s.run(given))
			s.wantsEnded("proposed")
			s.press("ana", "squash")
			if err := s.Repo.Protect(standin.SampleBranch); err != nil {
				t.Fatal(err)
			}
			s.wants(0, s.run(given))
			s.wantsEnded("done")
			if rows := s.waitingRows(); !strings.Contains(rows, "| in apps/web | Done |") {
				t.Errorf("handed over and not done:\n%s", rows)
			}
		})
	}
}

// pageSettings are the settings that a section of the page shows.
func pageSettings(t *testing.T, section string) map[string]string {
	t.Helper()
	_, rest, found := strings.Cut(readPage(t, "docs/gitops.md"), "\n## "+section+"\n")
	_, block, shown := strings.Cut(rest, "```yaml\n")
	block, _, ends := strings.Cut(block, "```")
	if !found || !shown || !ends {
		t.Fatalf("docs/gitops.md shows no settings for %s", section)
	}
	_, block, _ = strings.Cut(block, "settings:\n")
	var all map[string]any
	if err := yaml.Unmarshal([]byte(block), &all); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, value := range all {
		texts[name], _ = value.(string)
	}
	return texts
}

func TestGitOpsProposesNoEmptyChangeAndNothingProtected(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	for script, want := range map[string]string{
		"true": "refused no-effect",
		"mkdir -p apps/vault && echo 'a: b' >apps/vault/values.yaml": "refused protected-stack",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s, none := gitopsSite(t)
			if err := s.Agent.SetScript(script + "\n"); err != nil {
				t.Fatal(err)
			}
			s.wants(0, s.run(none))
			s.wantsEnded(want)
		})
	}
}

func with(settings map[string]string, name, value string) map[string]string {
	more := map[string]string{name: value}
	for name, value := range settings {
		more[name] = value
	}
	return more
}
