package item

import "time"

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
