// Package metrics says in Prometheus' text format how many follow-ups are open, how
// old they are, and how the last run went: into a file, for node_exporter's textfile
// collector, and to a Pushgateway. How the format is written and names are chosen:
// https://prometheus.io/docs/instrumenting/exposition_formats/ and
// https://prometheus.io/docs/practices/naming/.
package metrics

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/target"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Facts is what there is to say.
type Facts struct {
	Version, Repository, Branch string
	Shard                       string // whose run it was, empty for one of all items

	Backlog *Backlog // nil when the repository could not be read
	Targets target.Targets

	Outcomes       []item.Outcome
	CostUSD        float64 // of the run
	Started, Ended time.Time
	ExitCode       int
	LastSuccess    time.Time // of this run or an earlier one; zero when none is known
	MonthLimitUSD  float64   // 0 for none
}

// Backlog is what waits in the repository.
type Backlog struct {
	Open      []backlog.Open
	Documents int
	Proposals int     // that wait for a person
	MonthUSD  float64 // what agents cost in this calendar month
}

// family is the samples of one name.
type family struct {
	name, kind, help string
	labels           []string // beside those of all samples
	samples          func(Facts) []sample
}

// sample is one value, with a value for each label of its family.
type sample struct {
	value  float64
	labels []string
	suffix string // of a histogram's parts
}

// priorities are those that an item can have.
var priorities = []string{"P0", "P1", "P2", "P3"}

// label is a name and its value.
type label struct{ name, value string }

// common are the labels that all samples have. Runs of several shards say the same of
// the backlog, each under a name of its own: neither a gateway nor a collector takes
// one series from two.
func (f Facts) common() []label {
	all := []label{{"repository", f.Repository}, {"branch", f.Branch}}
	if f.Shard != "" {
		all = append(all, label{"shard", f.Shard})
	}
	return all
}

// Text is the facts as Prometheus reads them.
func Text(f Facts) []byte {
	var b bytes.Buffer
	for _, m := range families {
		samples := m.samples(f)
		if len(samples) == 0 {
			continue
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		for _, s := range samples {
			labels := f.common()
			for i, value := range s.labels {
				name := "le" // which only the buckets of a histogram have beside the others
				if i < len(m.labels) {
					name = m.labels[i]
				}
				labels = append(labels, label{name, value})
			}
			b.WriteString(m.name + s.suffix + labelled(labels) + " " + number(s.value) + "\n")
		}
	}
	return b.Bytes()
}

// labelled are labels as they stand behind a name.
func labelled(labels []label) string {
	said := make([]string, len(labels))
	for i, l := range labels {
		said[i] = l.name + `="` + labelValue(l.value) + `"`
	}
	return "{" + strings.Join(said, ",") + "}"
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func labelValue(value string) string { return labelEscapes.Replace(text.Line(value, 200)) }

func number(value float64) string {
	if math.IsInf(value, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}

// LastSuccess is when the last run succeeded that wrote a file of the same
// repository, branch and shard as f is of, zero when it does not say.
func LastSuccess(file []byte, f Facts) time.Time {
	prefix := lastSuccess + labelled(f.common()) + " "
	for line := range strings.Lines(string(file)) {
		rest, ok := strings.CutPrefix(line, prefix)
		if seconds, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64); ok && err == nil {
			return time.Unix(seconds, 0)
		}
	}
	return time.Time{}
}

// one is a family of a single sample.
func one(value func(Facts) float64) func(Facts) []sample {
	return func(f Facts) []sample { return []sample{{value: value(f)}} }
}

// waiting is a family of a single sample about the backlog.
func waiting(value func(*Backlog) float64) func(Facts) []sample {
	return func(f Facts) []sample {
		if f.Backlog == nil {
			return nil
		}
		return []sample{{value: value(f.Backlog)}}
	}
}

// byPriority has a sample for each priority, of what of the open items it has.
func byPriority(value func([]backlog.Open) float64) func(Facts) []sample {
	return func(f Facts) (all []sample) {
		if f.Backlog == nil {
			return nil
		}
		for _, priority := range priorities {
			all = append(all, sample{value: value(f.Backlog.of(priority)), labels: []string{priority}})
		}
		return all
	}
}

// of are the open items of a priority.
func (b *Backlog) of(priority string) []backlog.Open {
	return slices.DeleteFunc(slices.Clone(b.Open), func(o backlog.Open) bool { return o.Priority != priority })
}

// counting is how many open items are of a kind.
func counting(is func(backlog.Open) bool) func([]backlog.Open) float64 {
	return func(open []backlog.Open) (n float64) {
		for _, o := range open {
			if is(o) {
				n++
			}
		}
		return n
	}
}

// counted is how many there are of each set of labels, in the order of their values.
func counted[T any](all []T, labels func(T) []string) (samples []sample) {
	place := map[string]int{}
	for _, one := range all {
		values := labels(one)
		key := strings.Join(values, "\x00")
		if _, known := place[key]; !known {
			place[key] = len(samples)
			samples = append(samples, sample{labels: values})
		}
		samples[place[key]].value++
	}
	slices.SortFunc(samples, func(a, b sample) int { return slices.Compare(a.labels, b.labels) })
	return samples
}
