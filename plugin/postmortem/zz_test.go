package postmortem

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestZZ(t *testing.T) {
	p := DefaultPolicy()
	b, _ := os.ReadFile("/tmp/pmt/actions.txt")
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.SplitN(l, "|", 3)
		for len(f) < 3 {
			f = append(f, "")
		}
		var src string
		if f[0] == "L" {
			src = "## Action items\n\n| Action | Status | Details |\n|---|---|---|\n| " + f[1] + " | TODO | " + f[2] + " |\n"
		} else {
			src = "## Action items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n| P1 | " + f[1] + " | " + f[0] + " | " + f[2] + " | TODO |\n"
		}
		d := Parse("d.md", []byte(src), p)
		for _, i := range d.Items {
			s := "SAFE"
			if !i.Safe() {
				s = "    "
			}
			fmt.Printf("%s %-8s %-40s %s (%s)\n", s, i.Type, fmt.Sprint(i.Reasons), i.Action, i.Details)
		}
		for _, p := range d.Problems {
			fmt.Println("PROBLEM", p)
		}
	}
	for _, f := range strings.Fields(os.Getenv("ZZ")) {
		b, _ := os.ReadFile(f)
		fmt.Println(Parse(f, b, p).Table())
	}
}
