package lint

import (
	"io"
	"net/url"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// The parts of a SARIF log that are used, see the OASIS standard
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
		Help  sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// writeSARIF prints a SARIF log, which code scanning services take. Columns there
// are characters, not bytes: a result is about its whole line.
func writeSARIF(w io.Writer, r Report) error {
	var codes []reason.Code
	for _, f := range r.Findings {
		codes = append(codes, f.Reason)
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "pm-todos", Version: r.Version, Rules: []sarifRule{}}}, Results: []sarifResult{}}
	for _, code := range codes {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{string(code), sarifText{code.Sentence()}, sarifText{code.Fix()}})
	}
	names := fingerprints(r.Findings)
	for i, f := range r.Findings {
		index, _ := slices.BinarySearch(codes, f.Reason)
		run.Results = append(run.Results, sarifResult{
			RuleID: string(f.Reason), RuleIndex: index, Level: string(f.Level), Message: sarifText{f.Message()},
			Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{(&url.URL{Path: repositoryPath(f.File)}).String()}, sarifRegion{f.Line}}}},
			Fingerprints: map[string]string{"pmTodos/v1": names[i]},
		})
	}
	return encode(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
