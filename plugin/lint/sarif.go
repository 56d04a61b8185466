package lint

import (
	"io"
	"net/url"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// object is one of JSON.
type object = map[string]any

// writeSARIF prints a SARIF log, which code scanning services take, see the OASIS
// standard https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Columns
// there are characters, not bytes: a result is about its whole line.
func writeSARIF(w io.Writer, r Report) error {
	var codes []reason.Code
	for _, f := range r.Findings {
		codes = append(codes, f.Reason)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	text := func(s string) object { return object{"text": s} }
	rules, results := []object{}, []object{}
	for _, code := range codes {
		rules = append(rules, object{"id": code, "shortDescription": text(code.Sentence()), "help": text(code.Fix())})
	}
	names := fingerprints(r.Findings)
	for i, f := range r.Findings {
		index, _ := slices.BinarySearch(codes, f.Reason)
		place := object{"artifactLocation": object{"uri": (&url.URL{Path: repositoryPath(f.File)}).String()}, "region": object{"startLine": f.Line}}
		results = append(results, object{
			"ruleId": f.Reason, "ruleIndex": index, "level": f.Level, "message": text(f.Message()),
			"locations": []object{{"physicalLocation": place}}, "partialFingerprints": object{"pmTodos/v1": names[i]},
		})
	}
	driver := object{"name": "pm-todos", "rules": rules}
	if r.Version != "" {
		driver["version"] = r.Version
	}
	return encode(w, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []object{{"tool": object{"driver": driver}, "results": results}},
	})
}
