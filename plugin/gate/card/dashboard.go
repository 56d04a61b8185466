package card

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// dashboard proves what is only looked at.
func (c *card) dashboard(e *fact.Effect, f fact.Fact) (bool, string) {
	known, ok := types[e.Type]
	if !ok || known.role != dashboard {
		return false, ""
	}
	if why := runs(f.After); why != "" {
		return true, why
	}
	if created(e, f) {
		return true, c.newResource(e, known)
	}
	inside := len(f.Place) > 0 && slices.Contains(known.document, f.Place[0].Key)
	last := key(f.Place)
	switch {
	case !inside || last == "uid" || last == "id" && !f.Place[len(f.Place)-1].List:
		return true, "something else of a dashboard changes than what it shows"
	case f.Kind == fact.Added && f.Place[len(f.Place)-1].List:
		return true, "" // another panel or query, and nothing of one that exists
	case (f.Kind == fact.Changed || f.Kind == fact.Added) && slices.Contains(shownTexts, last):
		return true, ""
	case f.Kind == fact.Changed && last == "version":
		return true, ""
	}
	return true, "something of a dashboard is taken away or shown in another way"
}

// What a browser, a database or a function of the cloud would run.
var (
	markup    = pattern.Lazy(`(?i)<\s*(?:script|iframe|object|embed|form|link|meta|base|svg|img)\b|\bon[a-z]+\s*=\s*["'a-z]|(?:javascript|vbscript|data)\s*:`)
	statement = pattern.Lazy(`(?i)^\s*(?:select|with|insert|update|delete|drop|alter|truncate|create|grant|call|exec|merge|replace)\s`)
)

// runs says what of a dashboard would be run by the browser that shows it, by a
// database or by the cloud, "" when nothing would. NRQL only reads.
func runs(tree *fact.Node) string {
	why := ""
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		text, _ := n.Scalar()
		name := strings.ToLower(key(place))
		prose := slices.Contains(shownTexts, key(place))
		switch {
		case n.Document != nil:
		case strings.Contains(name, "sql") && !empty(n), !prose && !within(place, "nrqlQueries") && statement().MatchString(text):
			why = "a query reaches a database itself"
		case name == "endpoint" && text != "":
			why = "a widget runs a function"
		case markup().MatchString(text), name == "mode" && text == "html":
			why = "a text is more than a text to the browser that shows it"
		}
		return why == ""
	})
	return why
}

// shownTexts are the keys of what stands on a dashboard for people.
var shownTexts = []string{"title", "description", "text", "content", "legendFormat"}
