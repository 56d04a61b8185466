package scaffold

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Value is one thing that differs from installation to installation.
type Value struct {
	Name    string // in kebab case, as its flag
	Usage   string // what it is, one phrase
	Default string // "" when only the owner knows it
	Example string // one that could be real
}

var known = []Value{
	{Name: "owner", Usage: "team that runs the infrastructure", Example: "the platform team"},
	{Name: "contact", Usage: "where to report problems during working hours: a channel or an address", Example: "#infra-help in Slack"},
	{Name: "on-call", Usage: "how to reach somebody during an outage", Example: "phone +49 30 0000 000, at any hour"},
	{Name: "issues-url", Usage: "page for questions and requests", Example: "https://git.example.org/infra/infra/issues"},
	{Name: "status-url", Usage: "status page", Example: "https://status.example.org"},
	{Name: "dashboard-url", Usage: "dashboards that reporters may look at", Example: "https://grafana.example.org"},
	{Name: "respond-outage", Usage: "response time during an outage", Example: "15 minutes, at any hour"},
	{Name: "respond-degraded", Usage: "response time when something works badly", Example: "2 working hours"},
	{Name: "respond-request", Usage: "response time for everything else", Example: "2 working days"},
	{Name: "image", Usage: "container image of this program, with its registry and version", Example: "registry.example.org/infra/pm-todos:1.0.0"},
	{Name: "branch", Usage: "branch whose pushes start the pipelines", Default: "${CI_REPO_DEFAULT_BRANCH}", Example: "main"},
	{Name: "mode", Usage: "mode of the first runs: dry-run, propose or apply", Default: "dry-run", Example: "dry-run"},
	{Name: "hosts", Usage: "where Terraform and the agent run: user@host[:port]", Example: "wizard@10.0.10.10"},
	{Name: "agent-hosts", Usage: "where the agent runs, if that is another user or machine", Example: "claude@10.0.10.10"},
	{Name: "vault-addr", Usage: "base URL of Vault", Example: "http://vault-active.vault.svc.cluster.local:8200"},
	{Name: "vault-role", Usage: "role of Vault's Kubernetes auth method", Default: "ci", Example: "ci"},
	{Name: "vault-secret", Usage: "path of the secret that holds the host's key", Default: "secret/data/ci/infra", Example: "secret/data/ci/infra"},
	{Name: "forge", Usage: "forge of the repository where its host does not say it: forgejo, gitea, github, gitlab or none", Example: "gitea"},
	{Name: "chat-kind", Usage: "chat that is told beside or instead of Slack: mattermost, teams, discord or googlechat", Example: "mattermost"},
	{Name: "pages", Usage: "what publishes the post-mortems as web pages: woodpecker, actions (GitHub) or none", Default: pagesByWoodpecker, Example: pagesByWoodpecker},
	{Name: "pages-url", Usage: "address of a published post-mortem, with {name} for its name without extension", Example: "https://pages.example.org/infra/{name}.html"},
	{Name: "pages-branch", Usage: "branch from which the forge serves pages", Default: "pages", Example: "pages"},
}

// Values lists what differs from installation to installation, in the order in
// which one would ask for it.
func Values() []Value { return slices.Clone(known) }

// blankPrefix begins every placeholder of a value.
const blankPrefix = "FILL_IN_"

// placeholder stands in a file for a value that is missing.
func placeholder(name string) string {
	return blankPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// valueOf is what the files say for a value.
func valueOf(values map[string]string, name string) (string, error) {
	i := slices.IndexFunc(known, func(v Value) bool { return v.Name == name })
	switch {
	case i < 0:
		return "", fmt.Errorf("no value is called %s", name)
	case values[name] != "":
		return values[name], nil
	case known[i].Default != "":
		return known[i].Default, nil
	}
	return placeholder(name), nil
}

// oneLine refuses what would run on into the next line of a file, or show
// something else than it is.
func oneLine(raw string) error {
	if !text.OneLine(raw) {
		return errors.New("holds a line break, a tab or an invisible character; write it on one line of plain text")
	}
	return nil
}

// Blank is a place of a file that somebody has to fill in.
type Blank struct {
	Line int    // counted from 1
	Text string // the placeholder
	Name string // of the value or the field, as in its flag
}

var (
	valueBlank = pattern.Lazy(blankPrefix + `([A-Z]+(?:_[A-Z]+)*)`)
	fieldBlank = pattern.Lazy(`\{(title|date|duration|severity|services|issue)\}`)
)

// Blanks finds the placeholders of values in a file that Files made.
func Blanks(content []byte) []Blank { return blanks(content, valueBlank()) }

// OpenFields finds the fields of a post-mortem that Document did not fill in.
func OpenFields(content []byte) []Blank { return blanks(content, fieldBlank()) }

func blanks(content []byte, blank *regexp.Regexp) []Blank {
	var found []Blank
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		for _, m := range blank.FindAllStringSubmatch(line, -1) {
			found = append(found, Blank{Line: number, Text: m[0], Name: strings.ToLower(strings.ReplaceAll(m[1], "_", "-"))})
		}
	}
	return found
}
