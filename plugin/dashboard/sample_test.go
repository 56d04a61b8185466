package dashboard

import (
	"fmt"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/target"
)

// sample are n post-mortems of a team, with items of every kind.
func sample(n int, now time.Time) []Document {
	titles := []string{
		"NFS mounts hung on all nodes", "Registry ran out of disk", "Wildcard certificate expired", "Checkout slow after the cache was flushed",
		"Vault sealed itself during an upgrade", "DNS answers came from the wrong zone", "Backups of the mail server were empty", "Queue of the mailer grew for two days",
	}
	services := [][]string{{"storage"}, {"registry"}, {"ingress"}, {"checkout", "cache"}, {"vault"}, {"dns"}, {"mail", "backup"}, {"mail"}}
	severities := []string{"SEV2", "SEV3", "SEV1", "SEV2", "SEV1", "SEV3", "SEV2", "SEV4"}
	actions := []struct{ action, kind, why, way string }{
		{"Add an alert on NFS RPC retransmissions", "Alert", "", ""},
		{"Raise the memory limit of the registry to 2Gi", "Config", "", ""},
		{"Probe the certificate of the ingress from outside", "Monitor", "", ""},
		{"Move the volumes to the new storage class", "Migration", "work of this type needs a person", "Implement it by hand, or move the part that is an Alert, Config or Monitor into its own row."},
		{"Consider a second DNS provider", "Architecture", "it is not one decided step: it weighs options, asks a question, waits for somebody or groups other items", "Write exactly what to do, as one decided step."},
		{"Write down how the queue is drained", "Runbook", "work of this type needs a person", "Implement it by hand."},
		{"Restart the mailer when its queue stands still", "Config", "it removes, moves, restarts, upgrades, runs or loosens something, or concerns a secret", "Implement it by hand."},
	}
	owners := []string{"", "ann", "sre", "", "bob"}
	var all []Document
	for i := range n {
		date := now.AddDate(0, 0, -9-i*23).Format(time.DateOnly)
		if n > 100 {
			date = now.AddDate(0, 0, -9-i%1500).Format(time.DateOnly)
		}
		d := Document{
			File: fmt.Sprintf("docs/post-mortems/%s-%d.md", date, i), Title: "Post-mortem: " + titles[i%len(titles)], Date: date,
			Severity: severities[i%len(severities)], Services: services[i%len(services)], Items: []Item{},
		}
		for k := range 3 + i%4 {
			a := actions[(i*3+k*2)%len(actions)]
			one := Item{
				ID: fmt.Sprintf("%012x", i*16+k), Line: 20 + k, Action: a.action, Type: a.kind, Priority: fmt.Sprintf("P%d", (i+k)%4), Opened: date,
				Owner: owners[(i+k)%len(owners)], State: Automatic, Why: a.why, Way: a.way, Changed: date,
			}
			switch {
			case (i*5+k*3)%7 < min(7, 3+i/3) && i > 0 && (i+k)%23 != 5:
				closed := min(now.AddDate(0, 0, -1).Format(time.DateOnly), addDays(date, 6+(i*7+k*11)%60+i%3*30))
				one.State, one.Closed, one.Changed, one.By, one.Why, one.Way = Done, closed, closed, ByPeople, "", ""
				if a.why == "" {
					one.By, one.Commit = ByProgram, fmt.Sprintf("%07x%033x", 0xabc000+i*16+k, i)
					one.Link = "https://forge.example/ops/infra/commit/" + one.Commit
					if a.kind == "Alert" {
						one.Evidence = "would have fired at 05:41 UTC, 4 minutes after the start (05:37); fired 3 times in 30 days"
					}
				}
			case a.why != "":
				one.State, one.Reason = Person, "type-not-safe"
				if k == 2 {
					one.State = Approval
				}
			case k == 1:
				one.State, one.Branch, one.Link, one.Why = Proposed, "pm-todos/2026-04-14-nfs-1234", "https://forge.example/ops/infra/src/branch/pm-todos/x", "its proposal waits to be merged"
			}
			if limit, ok := sampleTargets[one.Priority]; ok && one.State.Open() {
				one.Target = addDays(date, int(limit/(24*time.Hour)))
			}
			d.Items = append(d.Items, one)
		}
		all = append(all, d)
	}
	return all
}

var sampleTargets = target.Targets{"P0": 7 * 24 * time.Hour, "P1": 30 * 24 * time.Hour, "P2": 180 * 24 * time.Hour}

func addDays(date string, days int) string {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return at.AddDate(0, 0, days).Format(time.DateOnly)
}

// BenchmarkWrite is the whole index of 5,000 post-mortems with 22,000 items.
func BenchmarkWrite(b *testing.B) {
	documents := sample(5000, written)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Write(indexPath, documents, sampleTargets, Files{}, written); err != nil {
			b.Fatal(err)
		}
	}
}
