package promql

import (
	"strconv"
	"strings"
	"sync"
	"text/template/parse"
	"time"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Names as Prometheus takes them in files of rules.
// Source: https://prometheus.io/docs/concepts/data_model/
var (
	labelName  = pattern.Lazy(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	metricName = pattern.Lazy(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	duration   = pattern.Lazy(`^(?:([0-9]{1,6})y)?(?:([0-9]{1,6})w)?(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?(?:([0-9]{1,9})ms)?$`)
)

// IsLabel reports whether a text can be the name of a label or an annotation.
func IsLabel(name string) bool { return labelName().MatchString(name) }

// IsMetric reports whether a text can be the name of a metric.
func IsMetric(name string) bool { return metricName().MatchString(name) }

// ParseDuration reads a length of time as Prometheus writes them: 0, or whole
// numbers with units, the largest first and each once.
func ParseDuration(text string) (time.Duration, bool) {
	found := duration().FindStringSubmatch(text)
	switch {
	case text == "0":
		return 0, true
	case text == "" || found == nil:
		return 0, false
	}
	const day = 24 * time.Hour
	total := time.Duration(0)
	for i, unit := range []time.Duration{365 * day, 7 * day, day, time.Hour, time.Minute, time.Second, time.Millisecond} {
		n, _ := strconv.Atoi(found[i+1]) // digits, or nothing
		if n > 0 && unit > (1<<62)/time.Duration(n) {
			return 0, false
		}
		total += time.Duration(n) * unit
	}
	return total, total >= 0
}

// templateFunctions are those that a template of a rule may call.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
var templateFunctions = sync.OnceValue(func() map[string]any {
	table := map[string]any{}
	for _, name := range strings.Fields(`and or not len index slice print printf println html js call urlquery eq ne lt le gt ge
		query first label value sortByLabel strvalue args reReplaceAll safeHtml match title toUpper toLower graphLink tableLink
		humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp toTime pathPrefix externalURL parseDuration
		stripPort stripDomain`) {
		table[name] = true
	}
	return table
})

// variables are those that stand before the template of a rule.
const variables = `{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}`

// IsTemplate reports whether a text is one that Prometheus takes for a label or
// an annotation of a rule, and neither defines nor calls another template.
func IsTemplate(text string) bool {
	trees, err := parse.Parse("rule", variables+text, "{{", "}}", templateFunctions())
	return err == nil && len(trees) <= 1 && !otherTemplate().MatchString(text)
}

var otherTemplate = pattern.Lazy(`\{\{-?\s*(?:define|template|block)\b`)
