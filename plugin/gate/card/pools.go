package card

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
)

// Pools are the scrape pools that a plan adds, by the names that Prometheus has for
// them: those of scrape jobs, and what the operator makes of its objects.
// Source: https://github.com/prometheus-operator/prometheus-operator, pkg/prometheus/promcfg.go
func Pools(plan *fact.Plan) (list []string) {
	for _, e := range plan.Effects {
		former := map[string]bool{}
		eachJob(e.Before, func(name string) { former[name] = true })
		eachJob(e.After, func(name string) {
			if !former[name] {
				list = append(list, name)
			}
		})
		object, kind := manifest(e)
		if e.Verb != fact.Create || manifests[kind] != monitor {
			continue
		}
		name, _ := object.Get("metadata").Get("name").Scalar()
		namespace, _ := object.Get("metadata").Get("namespace").Scalar()
		list = append(list, strings.ToLower(kind[:1])+kind[1:]+"/"+namespace+"/"+name)
	}
	return list
}

// eachJob visits the names of the scrape jobs of a tree.
func eachJob(tree *fact.Node, visit func(name string)) {
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		if len(place) > 0 && place[len(place)-1].List {
			if name, ok := n.Get("job_name").Scalar(); ok && name != "" {
				visit(name)
			}
		}
		return true
	})
}
