package app

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/pm-todos/pm-todos/plugin/standin/forge"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

const (
	webValues = "apps/web/values.yaml"
	webRow    = "| P2 | Raise the web replicas from 2 to 3 | Config | in apps/web | TODO |"
)

// Without Terraform everything is proposed without a plan, and what is merged is
// handed over. No empty change is proposed, and nothing protected.
func TestGitOpsRepositoryIsProposedToAndHandedOver(t *testing.T) {
	t.Parallel()
	notShort(t)
	o := only("2026-01-01-alert.md", document(
		webRow,
		"| P2 | Raise the idle replicas from 2 to 3 | Config | in apps/web | TODO |",
		"| P2 | Raise the cache replicas from 2 to 3 | Config | in apps/web | TODO |"))
	o.Files[webValues] = "replicas: 2\n"
	o.AgentScript = "case $ITEM_ACTION in *web*) sed -i 's/replicas: 2/replicas: 3/' " + webValues + " ;; *cache*) mkdir -p apps/vault && echo 'a: b' >apps/vault/values.yaml ;; esac\n"
	s := newSite(t, o)
	none := map[string]string{"CI_FORGE_TYPE": "gitlab", "PLUGIN_TERRAFORM": "none", "PLUGIN_ALLOW_PATHS": "apps/**", "PLUGIN_SCOPE": "all", "PLUGIN_MAX_ATTEMPTS": "1"}
	s.wants(0, s.run(none))
	s.wantsEnded("proposed", "refused no-effect", "refused protected-stack")
	s.says("it is not planned", "not planned")
	pull := s.Git.Forge.Pulls()[0]
	if !strings.Contains(pull.Body, "**Not planned**") || !strings.Contains(pull.Body, "hands the change over") || strings.Contains(pull.Body, "Nothing is destroyed") {
		t.Errorf("the pull request says\n%s", pull.Body)
	}
	if message := must[[]git.Commit](t)(s.Repo.Log(pull.Head))[0].Body; !strings.Contains(message, "Not planned: ") || !strings.Contains(message, "Post-Mortem-Plan: not planned") {
		t.Errorf("the commit says\n%s", message)
	}
	const closed = "skipped max-attempts" // of the others
	s.byHand(`git merge -q --squash origin/` + pull.Head + ` && git commit -q -m "More web" && git push -q origin HEAD`)
	s.wants(0, s.run(none))
	s.wantsEnded("proposed proposal-merged", closed, closed) // without a plan, a record alone proves nothing
	s.Git.Forge.Change(pull.Number, func(p *forge.Pull) { p.State, p.MergedBy, p.MergedAs = "merged", "ana", s.tip() })
	s.wants(1, s.run(with(none, "PLUGIN_VERIFY_COMMAND", "exit 1")))
	s.wantsEnded("failed verify-failed", closed, closed)
	s.wants(0, s.run(none))
	s.wantsEnded("done", closed, closed)
	if doc := s.file(alertDocument); strings.Count(doc, "| in apps/web | Done |") != 1 {
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
				case "hosts", "git_password", "vault_addr", "verify_command": // the site has its own, or what it asks is not here
				default:
					given["PLUGIN_"+strings.ToUpper(name)] = value
				}
			}
			s.wants(0, s.run(given))
			s.wantsEnded("proposed")
			if proposed := must[string](t)(s.Repo.ReadFile(s.Git.Forge.Pulls()[0].Head, edit.file)); !strings.Contains(proposed, edit.to) {
				t.Errorf("it is proposed that %s says\n%s", edit.file, proposed)
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

func with(settings map[string]string, name, value string) map[string]string {
	more := map[string]string{name: value}
	for name, value := range settings {
		more[name] = value
	}
	return more
}
