package item

import (
	"encoding/json"
	"time"
)

// Rule is an alerting or recording rule as a change leaves it.
type Rule struct {
	Name   string // of the alert, or of the metric that it records
	Record bool
	Expr   string
	For    time.Duration
	Added  bool // it is new; else one that exists is tuned
}

// Incident is when it happened, as the document states it. Start is zero when the
// document states no time.
type Incident struct {
	Start, End time.Time // in UTC
	NoZone     bool      // the document states no time zone, and UTC was taken
}

// Watch is what Prometheus must have loaded before an item is done: a rule, or the
// targets of a scrape pool.
type Watch struct {
	Rule string `json:"rule,omitempty"` // its name
	Sum  string `json:"sum,omitempty"`  // of its name, expression and wait
	Pool string `json:"pool,omitempty"` // scrape pool, or what its name begins with
}

// Watched is what Prometheus must have loaded, as a commit keeps it: JSON on one
// line.
func Watched(list []Watch) string {
	if len(list) == 0 {
		return ""
	}
	line, err := json.Marshal(list)
	if err != nil {
		return "" // texts alone are never refused
	}
	return string(line)
}

// ReadWatched reads it back. What is none watches nothing.
func ReadWatched(line string) (list []Watch) {
	if json.Unmarshal([]byte(line), &list) != nil {
		return nil
	}
	return list
}
