package report

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/jsonschema"
)

// Schema is the version of summary.json. It grows when a field changes its
// meaning or goes away; new fields do not change it.
const Schema = 2

// JSON is the content of summary.json: one object, indented, with a new line
// at the end. Lists are there even when empty, and hold the first of many; what
// an item has no value for may be absent. The names are stable, see
// SummarySchema.
func (v View) JSON() ([]byte, error) {
	v.Documents = firstOf(v.Documents, alike, func(d documentView) bool { return d.Changed })
	return encode("summary.json", v)
}

// Sums is the end of a run for logs that are read by programs: the headline,
// and one JSON object on one line with totals, cost_usd, duration_seconds,
// exit_code, exit_kind and docs_commit, as summary.json has them.
func (v View) Sums() (headline string, sums []byte, err error) {
	sums, err = json.Marshal(struct {
		Totals     totals  `json:"totals"`
		CostUSD    float64 `json:"cost_usd"`
		Seconds    float64 `json:"duration_seconds"`
		ExitCode   int     `json:"exit_code"`
		ExitKind   string  `json:"exit_kind"`
		DocsCommit string  `json:"docs_commit"`
	}{v.Totals, v.CostUSD, v.Seconds, v.ExitCode, v.ExitKind, v.DocsCommit})
	if err != nil {
		return "", nil, fmt.Errorf("encode the sums: %w", err)
	}
	return v.headline(), sums, nil
}

// SummarySchema is the JSON Schema of summary.json.
func SummarySchema() ([]byte, error) {
	return encode("the schema of summary.json", jsonschema.Of[View]("summary.json of pm-todos",
		"What one run did. Texts from documents, agent, hosts and servers are cleaned, redacted and cut, and still not to be trusted.", Schema))
}

func encode(name string, value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return b.Bytes(), nil
}
