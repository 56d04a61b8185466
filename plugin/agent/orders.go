package agent

import (
	"regexp"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// An Order is a line of a repository's own definition that tells the agent to
// do what is not its work here. The contract comes last and says otherwise; a
// definition that agrees with it serves better.
type Order struct {
	Line int    // in the file, counted from 1
	What string // apply, plan, commit, push or close
	Text string // the line, made printable
}

// DefinitionFile is the path of the repository's own definition of an agent.
func DefinitionFile(name string) string { return ".claude/agents/" + name + ".md" }

// orders are what a definition may not ask for. The first that fits a line
// counts.
var orders = []struct {
	what    string
	pattern func() *regexp.Regexp
}{
	{"push", pattern.Lazy(`(?i)\bgit\s+(?:-C\s+\S+\s+)?push\b|\b(?:commit\s+and\s+push|push\s+(?:it|them|the|to|your|every|all)\b)|\bopen\s+a\s+pull\s+request\b`)},
	{"commit", pattern.Lazy(`(?i)\bgit\s+(?:-C\s+\S+\s+)?(?:commit|add)\b|\bcommit\s+(?:it|them|the|your|every|each|all)\b`)},
	{"apply", pattern.Lazy(`(?i)\b(?:terraform|tofu|terragrunt|tg)\s+(?:run-all\s+)?apply\b|\bkubectl\s+(?:apply|create|delete|patch|edit)\b|\bhelm\s+(?:install|upgrade)\b|\bapply\s+(?:it|them|the\s+(?:change|plan|stack)|your|every|each)\b`)},
	{"plan", pattern.Lazy(`(?i)\b(?:terraform|tofu|terragrunt|tg)\s+(?:run-all\s+)?(?:plan|init)\b|\brun\s+(?:a|the)\s+plan\b`)},
	{"close", pattern.Lazy(`(?i)\b(?:mark|set|change|update)\b.{0,60}\b(?:row|item|status|todo)s?\b.{0,30}\bdone\b`)},
}

// negated are lines that forbid instead.
var negated = pattern.Lazy(`(?i)\b(?:never|not|don't|do not|must not|mustn't|cannot|without|instead of|leave .* to|no longer|forbidden)\b`)

// Orders finds the contradicting orders in the definition that a repository
// has. It judges line by line and may be wrong on unusual wording, which is why
// it only ever warns. ignored names the keys of the file's head that have no
// effect here, such as tools.
func Orders(repoFile []byte) (found []Order, ignored []string) {
	fields, body := frontMatter(string(repoFile))
	for _, key := range []string{"tools", "disallowedTools", "permissionMode", "hooks", "mcpServers", "skills"} {
		if _, set := fields[key]; set {
			ignored = append(ignored, key)
		}
	}
	raw := strings.ReplaceAll(string(repoFile), "\r\n", "\n")
	first := strings.Count(raw[:max(strings.LastIndex(raw, body), 0)], "\n") + 1
	number := first
	for line := range strings.SplitSeq(body, "\n") {
		for _, order := range orders {
			if order.pattern().MatchString(line) && !negated().MatchString(line) {
				found = append(found, Order{Line: number, What: order.what, Text: text.Line(strings.TrimSpace(line), 120)})
				break
			}
		}
		number++
	}
	return found, ignored
}
