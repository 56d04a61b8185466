package promql

import (
	"testing"
	"time"
)

func TestDurationsAreThoseOfPrometheus(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "1d12h": 36 * time.Hour, "90s": 90 * time.Second, "1y": 365 * 24 * time.Hour, "10ms": 10 * time.Millisecond,
	} {
		if got, ok := ParseDuration(text); !ok || got != want {
			t.Errorf("%q: %v %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "5", "5m1h", "5m5m", "1.5h", "-5m", "5 m", "5M", "m", "9999999y", "999999y"} {
		if got, ok := ParseDuration(text); ok {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func TestTemplatesAreThoseThatPrometheusTakes(t *testing.T) {
	for _, text := range []string{
		"", "plain", "{{ $labels.instance }} is {{ $value | humanize }}", `{{ $value | printf "%.2f" }} of {{ $externalLabels.cluster }}`,
		`{{ with query "up" }}{{ . | first | value }}{{ end }}`, "{{ if gt $value 1.0 }}many{{ else }}one{{ end }}", `{{ "{{" }} braces {{ "}}" }}`,
		"{{- .Labels.job -}}", "100 % } of {",
	} {
		if !IsTemplate(text) {
			t.Errorf("%q is not taken", text)
		}
	}
	for _, text := range []string{
		"{{ $value | humanise }}", "{{ $label.instance }}", "{{ $value", "{{ end }}", `{{ define "x" }}{{ end }}`, `{{ template "x" }}`,
		`{{- block "x" . }}{{ end }}`, "{{ range .Labels }}", `{{ include "x" . }}`, `{{ tpl .Values.x . }}`, "{{ $labels.foo-bar }}",
	} {
		if IsTemplate(text) {
			t.Errorf("%q is taken", text)
		}
	}
}
