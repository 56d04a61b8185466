package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

func TestReportForPeople(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := NewReport(&out, false)
	r.Add(Finding{Check: "push", Status: OK, Text: "may be pushed"})
	r.Add(Failure("reach", "a@b:22", fault.Mark(fault.Temporary, fault.WithFix(errors.New("host unreachable"), "check\x1b[31m that it is up"))))
	r.Add(Finding{Check: "carry", Status: Skipped, Text: "no workdir"})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	want := "ok       push         may be pushed\n" +
		"FAIL     reach        a@b:22: host unreachable\n" +
		"                      check that it is up\n" +
		"skipped  carry        no workdir\n" +
		"\n1 ok, 0 to look at, 1 failed, 1 skipped; nothing was changed and nothing was spent\n"
	if strings.ReplaceAll(out.String(), "[31m", "") != want {
		t.Errorf("got\n%s", out.String())
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("a control character was printed")
	}
}

func TestReportForPrograms(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := NewReport(nil, false)
	r.Add(Finding{Check: "push", Status: OK, Text: "a <b> & c"})
	r.Add(Finding{Check: "vault", Status: Fail, Text: "no", Kind: fault.Failed})
	r.Add(Finding{Check: "reach", Status: Fail, Text: "down", Kind: fault.Temporary})
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Checks   []Finding `json:"checks"`
		Failed   int       `json:"failed"`
		ExitCode int       `json:"exit_code"`
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Checks) != 3 || got.Checks[0].Text != "a <b> & c" || got.Failed != 2 || got.ExitCode != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestHanded(t *testing.T) {
	t.Parallel()
	const plan = "/run/ws/plan/doctor.tfplan"
	apply := []string{"apply", "--non-interactive", plan}
	for name, c := range map[string]struct {
		given []string
		calls [][]string
		text  string // part of it; "" when all is well
		fix   string
	}{
		"as it is":      {apply, [][]string{apply}, "", ""},
		"flag first":    {apply, [][]string{{"output"}, {"apply", "-lock-timeout=5m", "--non-interactive", plan}}, "", ""},
		"flag behind":   {apply, [][]string{{"apply", "--non-interactive", plan, "-lock-timeout=5m"}}, "Too many command line arguments", `set -- "$verb" -lock-timeout=5m "$@"`},
		"plan dropped":  {apply, [][]string{{"apply", "--non-interactive"}}, "does not hand", `terragrunt "$@"`},
		"nothing":       {apply, nil, "started no apply", `terragrunt "$@"`},
		"another verb":  {apply, [][]string{{"run-all"}}, "started no apply", `terragrunt "$@"`},
		"plan appended": {[]string{"plan", "-out=" + plan}, [][]string{{"plan", "-out=" + plan, "-lock-timeout=5m"}}, "", ""},
		"order turned":  {apply, [][]string{{"apply", plan, "--non-interactive"}}, "puts --non-interactive behind the plan file", ""},
		"translated":    {apply, [][]string{{"apply", "-input=false", "-auto-approve", plan}}, "", ""},
		"plan as -out":  {[]string{"plan", "-out=" + plan}, [][]string{{"plan", "-input=false", "-out", plan}}, "", ""},
		"out dropped":   {[]string{"plan", "-out=" + plan}, [][]string{{"plan", "-input=false"}}, "does not hand", ""},
		"plan as flag":  {apply, [][]string{{"apply", "--plan=" + plan}}, "does not hand the plan file on as it is", ""},
		"without plan":  {[]string{"init", "--non-interactive"}, [][]string{{"init", "-input=false"}}, "", ""},
	} {
		text, fix := Handed("scripts/tg", c.given, c.calls, plan)
		if (c.text == "") != (text == "") || !strings.Contains(text, c.text) || !strings.Contains(fix, c.fix) {
			t.Errorf("%s: %q, %q", name, text, fix)
		}
	}
}
