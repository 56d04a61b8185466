package card

import (
	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Rules are the alerting and recording rules that a plan adds, or whose expression
// or wait it changes, wherever they stand: in values of Helm, in manifests, in
// attributes that are documents.
func Rules(plan *fact.Plan) (list []item.Rule) {
	seen := map[item.Rule]bool{}
	for _, e := range plan.Effects {
		former := map[string][]*fact.Node{}
		eachRule(e.Before, func(r *fact.Node) { former[ruleName(r)] = append(former[ruleName(r)], r) })
		eachRule(e.After, func(r *fact.Node) {
			now := ruleOf(r)
			now.Added = len(former[now.Name]) == 0
			for _, was := range former[now.Name] {
				if before := ruleOf(was); before == now {
					return // as it was
				}
			}
			if !seen[now] {
				seen[now] = true
				list = append(list, now)
			}
		})
	}
	return list
}

// ruleOf is a rule as Prometheus reads it.
func ruleOf(n *fact.Node) item.Rule {
	r := item.Rule{Name: ruleName(n), Record: n.Get("alert") == nil}
	r.Expr, _ = n.Get("expr").Scalar()
	wait, _ := n.Get("for").Scalar()
	r.For, _ = promql.ParseDuration(wait) // what is none, the card does not prove
	return r
}
