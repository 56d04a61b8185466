package gate_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate"
)

// What wrappers print around an empty plan of a real Terraform.
func TestPlanIsFoundInWhatWrappersPrint(t *testing.T) {
	plan := strings.TrimSpace(string(realPlan(t, "noop")))
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, []byte(plan), "", "  "); err != nil {
		t.Fatal(err)
	}
	forged := `{"format_version":"1.2","terraform_version":"1.11.4"}`
	for name, test := range map[string]struct {
		show string
		bad  string // what is said of it; "" when it is read
	}{
		"alone":                           {plan, ""},
		"CRLF":                            {plan + "\r\n", ""},
		"byte order mark":                 {"\ufeff" + plan, ""},
		"escapes around it":               {"\x1b[0m" + plan + "\x1b[0m\n", ""},
		"a title":                         {"\x1b]0;terraform\x07" + plan, ""},
		"on several lines":                {pretty.String(), ""},
		"on several lines after a text":   {"Refreshing {state}\n" + pretty.String() + "\nDone.", ""},
		"a stack as prefix":               {"[monitoring] " + plan, ""},
		"Terragrunt's prefix":             {"14:02:33.123 STDOUT [stacks/monitoring] terraform: " + plan, ""},
		"a prefix, on several lines":      {"14:02:33 STDOUT terraform: " + pretty.String(), ""},
		"log lines in JSON":               {`{"@level":"info","@message":"x","@timestamp":"2026-11-26T00:00:00Z"}` + "\n" + plan + "\n" + `{"level":"warn","msg":"y","time":"t"}`, ""},
		"a log line in JSON with a nest":  {`{"level":"info","msg":"x","fields":{"format_version":"1.2"}}` + "\n" + plan, ""},
		"a text with JSON":                {"running with {\"a\":1}\n" + plan, ""},
		"every line with a prefix":        {"[m] " + strings.ReplaceAll(pretty.String(), "\n", "\n[m] "), "no JSON object with a format version"},
		"nothing":                         {"", "no JSON object"},
		"only text":                       {"Error: no such file", `it begins with "Error: no such file"`},
		"cut off":                         {plan[:len(plan)-5], "or that is cut off"},
		"cut off, on several lines":       {pretty.String()[:pretty.Len()-5], "or that is cut off"},
		"two plans":                       {plan + "\n" + plan, "more than one plan"},
		"a forged one before it":          {forged + "\n" + plan, "more than one plan"},
		"a forged one after a prefix":     {"[hook] " + forged + "\n" + plan, "more than one plan"},
		"a forged one that poses as log":  {`{"level":"info","msg":"x",` + forged[1:] + "\n" + plan, "more than one plan"},
		"a forged one in a text":          {plan + "\nhook says \"" + forged, "more than one plan"},
		"a forged one on its line":        {plan + forged, "cut off"},
		"inside of a text":                {`msg="` + plan, "inside of other text"},
		"inside of a log line":            {`{"level":"info","msg":"x","plan":` + plan + "}", "no JSON object with a format version"},
		"another object":                  {`{"a":1}` + "\n" + plan, "neither a plan nor a log line"},
		"a list around it":                {"[" + plan + "]", "no JSON object"},
		"a later format":                  {strings.Replace(plan, `"format_version":"1.2"`, `"format_version":"2.0"`, 1), "format version"},
		"a field that nobody knows":       {`{"surprise":1,` + plan[1:], "field that the gate does not know"},
		"a secret in the first line":      {`{"variables":{"p":{"value":"hunter2"}},` + plan[1:len(plan)-3], `begins with "{…"`},
		"a first line that poses as more": {"\x1b[2Jall fine\u202e\nmore", `begins with "all fine"`},
	} {
		t.Run(name, func(t *testing.T) {
			verdict := gate.Plan([]byte(test.show), gate.PlanPolicy{Mode: gate.Baseline})
			err := gate.Unreadable(verdict, []byte(test.show))
			said := fmt.Sprint(err)
			if test.bad == "" && (err != nil || !verdict.Passed()) || test.bad != "" && (err == nil || verdict.Passed() || !strings.Contains(said, test.bad)) {
				t.Errorf("%v, %v; want %q", verdict.Findings, err, test.bad)
			}
			if strings.ContainsAny(said, "\n\x1b\u202e") || strings.Contains(said, "hunter2") {
				t.Errorf("%q is not fit to be printed", said)
			}
		})
	}
	verdict := gate.Plan(realPlan(t, "update"), gate.PlanPolicy{Mode: gate.Baseline})
	if err := gate.Unreadable(verdict, realPlan(t, "update")); err != nil || verdict.Passed() {
		t.Errorf("drift is told as unreadable: %v", err)
	}
}
