package settings

import (
	"cmp"
	_ "embed" // of the page's beginning
	"fmt"
	"strings"
)

// pageIntro is docs/settings.md down to the first table. The front matter is
// what Woodpecker's plugin index reads.
//
//go:embed page.md
var pageIntro string

// Page is docs/settings.md.
func Page() string {
	var b strings.Builder
	b.WriteString(pageIntro)
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, g := range Groups() {
		fmt.Fprintf(&b, "\n## %s\n\n| Settings name | Default | Description |\n|---|---|---|\n", g.Title)
		for _, e := range g.Entries {
			usage := e.Usage
			if e.Secret() {
				usage = "*Secret.* " + usage
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Name, cell.Replace(cmp.Or(e.DefaultText(), "*none*")), cell.Replace(usage))
		}
	}
	return b.String()
}
