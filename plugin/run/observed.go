package run

import (
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
)

// Observations are what Prometheus said of rules, by document and item, as the fix
// commits of a branch have it.
type Observations map[string]map[string]string

// Add adds what a commit's message says. Newer ones are added first, and stand.
func (o Observations) Add(message string) {
	for _, e := range record.Evidences(message) {
		if e.Observed == "" {
			continue
		}
		if o[e.Document] == nil {
			o[e.Document] = map[string]string{}
		}
		if _, newer := o[e.Document][e.Item]; !newer {
			o[e.Document][e.Item] = e.Observed
		}
	}
}

// observedOn is what the commits of a branch say.
func observedOn(repo *gitrepo.Repo, tip string) (Observations, error) {
	all := Observations{}
	err := repo.Log(tip, func(c gitrepo.Commit) bool {
		all.Add(c.Message)
		return true
	})
	return all, err
}
