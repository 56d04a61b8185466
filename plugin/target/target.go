// Package target holds how long follow-up items may stay open, by their priority.
package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Targets say how long an item of each priority may stay open. A priority without
// one may stay open for ever.
type Targets map[string]time.Duration

// Due is when an item that was opened at since passes its target; ok is false when
// its priority has none.
func (t Targets) Due(priority string, since time.Time) (due time.Time, ok bool) {
	limit, ok := t[priority]
	return since.Add(limit), ok
}

const day = 24 * time.Hour

// units are how a target's length may be written.
var units = map[string]time.Duration{"h": time.Hour, "d": day, "w": 7 * day}

var length = pattern.Lazy(`^(\d{1,5})\s*([hdw])$`)

// Length is a target as people say it: 36 hours, 7 days.
func Length(limit time.Duration) string {
	if limit%day == 0 {
		return text.Counted(int(limit/day), "day")
	}
	return text.Counted(int(limit/time.Hour), "hour")
}

// Read reads a JSON object from priorities to lengths. Every problem is reported.
func Read(content string) (Targets, error) {
	var raw map[string]string
	if err := json.Unmarshal([]byte(content), &raw); err != nil || raw == nil {
		return nil, errors.New(`is not a map of texts; write one entry per priority in YAML, or JSON such as {"P0":"7d","P1":"30d"}`)
	}
	known := []string{string(term.P0), string(term.P1), string(term.P2), string(term.P3)}
	targets := Targets{}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		priority := strings.ToUpper(strings.TrimSpace(key))
		if !slices.Contains(known, priority) {
			problems = append(problems, fmt.Errorf("%s is not one of %s", text.Quote(key), strings.Join(known, ", ")))
			continue
		}
		limit, err := readLength(raw[key])
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", priority, err))
			continue
		}
		targets[priority] = limit
	}
	return targets, errors.Join(problems...)
}

func readLength(raw string) (time.Duration, error) {
	found := length().FindStringSubmatch(strings.ToLower(strings.TrimSpace(raw)))
	if found == nil {
		return 0, fault.WithFix(fmt.Errorf("%s is not a number of hours, days or weeks", text.Quote(raw)), "write 36h, 7d or 2w")
	}
	count, err := strconv.Atoi(found[1])
	if err == nil && count == 0 {
		err = fault.WithFix(fmt.Errorf("%s leaves no time", text.Quote(raw)), "write 36h, 7d or 2w, or leave the priority out")
	}
	return time.Duration(count) * units[found[2]], err
}
