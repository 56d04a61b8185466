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
	r.Add(finding(Fail, "reach", "a@b:22", fault.Mark(fault.Temporary, fault.WithFix(errors.New("host unreachable"), "check\x1b[31m that it is up"))))
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
