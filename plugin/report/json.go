package report

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Schema is the version of summary.json. It grows when a field changes its
// meaning or goes away; new fields do not change it.
const Schema = 1

// JSON is the content of summary.json: one object, indented, with a new line
// at the end. Lists are there even when empty; of an item the fields from fix
// on, except new, are absent when empty. The field names are stable:
//
//	schema, version, run, mode, event, repository, branch, pipeline_url,
//	started (RFC 3339, UTC), duration_seconds, scope, base,
//	totals {done, proposed, refused, failed, needs_person, skipped,
//	  not_attempted, unclear, problems, documents},
//	documents [{file, date, title, url, changed, safe, skipped, unclear, problems}],
//	items, skipped, unclear [{document, id, line, date, priority, action, type,
//	  details, state, reason, sentence, fix, new, findings [{code, place,
//	  detail}], error, stack, commit, commit_url, branch, branch_url,
//	  plan_sha256, create, update, cost_usd, duration_seconds, attempt,
//	  settled, command}],
//	problems [{file, line, column, reason, detail, text}],
//	cost_usd, budget_usd, docs_commit, docs_commit_url,
//	exit_code, exit_kind, error, warnings, notes
func JSON(s Summary) ([]byte, error) {
	return encode("summary.json", s.view())
}

// Sums is the end of a run for logs that are read by programs: the headline,
// and one JSON object on one line with totals, cost_usd, duration_seconds,
// exit_code, exit_kind and docs_commit, as summary.json has them.
func Sums(s Summary) (headline string, sums []byte, err error) {
	v := s.view()
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

func encode(name string, value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("encode %s: %w", name, err)
	}
	return b.Bytes(), nil
}
