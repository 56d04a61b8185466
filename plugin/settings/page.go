package settings

import (
	"cmp"
	"fmt"
	"strings"
)

// pageIntro is docs/settings.md down to the first table. The front matter is
// what Woodpecker's plugin index reads.
const pageIntro = `---
name: pm-todos
description: Closes the follow-up items of post-mortems - safe ones are implemented by a coding agent, applied behind plan gates, and recorded in the document
author: pm-todos authors
tags: [post-mortem, terraform, terragrunt, vault, slack, agent]
containerImage: pm-todos
containerImageUrl: https://example.org/pm-todos
url: https://example.org/pm-todos
---

# Settings

<!-- Written by ` + "`go generate`" + ` from the table in plugin/settings/table*.go. Change it there. -->

The names are those of a step's ` + "`settings:`" + ` block. The plugin reads each from ` + "`PLUGIN_<NAME>`" + `; on the command line it is the flag
` + "`--<name>`" + ` with dashes. All problems are reported at once, and an unknown ` + "`PLUGIN_*`" + ` variable is one; the exit code is then 2 and nothing was
contacted.

` + "```yaml" + `
steps:
  - name: post-mortem-todos
    image: pm-todos
    settings:
      git_password: {from_secret: git_token}
      vault_addr: http://vault-active.vault.svc.cluster.local:8200
      hosts: wizard@10.0.10.10
` + "```" + `

- An **empty value** counts as unset.
- A **list** is a YAML list, CSV, or a JSON array. Woodpecker joins a YAML list by commas and escapes none, so a value that holds a comma needs a JSON
  array in quotes: ` + "`'[\"stacks/{a,b}/**\"]'`" + `.
- A **map** is a YAML map or JSON. Its keys are types, its values lists.
- A **duration** has a unit: ` + "`90s`, `30m`, `1h30m`" + `. A **number** is not negative.
- A **secret** comes by ` + "`from_secret`" + `, or from the one Vault secret that ` + "`vault_secret`" + ` names. It is never printed.
- What matters for safety comes only from ` + "`PLUGIN_*`" + ` and that secret: never from ` + "`VAULT_*`" + `, proxy or ` + "`GIT_*`" + ` variables of the
  environment, and never from the repository.
- On **pull-request** events the run ends after the documents were read. It needs neither hosts nor secrets then.
`

// Page is docs/settings.md.
func Page() string {
	var b strings.Builder
	b.WriteString(pageIntro)
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, g := range Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| Settings name | Default | Description |\n|---|---|---|\n", g.Title)
		for _, e := range g.Entries {
			usage := e.Usage
			if e.Secret {
				usage = "*Secret.* " + usage
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, cell.Replace(cmp.Or(e.DefaultText(), "*none*")), cell.Replace(usage))
		}
	}
	return b.String()
}
