package argv_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/settings/argv"
)

func TestRead_OfALine(t *testing.T) {
	for text, want := range map[string][]string{
		"plan -out={plan}":                   {"plan", "-out={plan}"},
		"  a   b  ":                          {"a", "b"},
		`a 'b c' "d e" f\ g`:                 {"a", "b c", "d e", "f g"},
		`-target='helm_release.x["a"]'`:      {`-target=helm_release.x["a"]`},
		`"a\"b" "c\d" 'e\f'`:                 {`a"b`, `c\d`, `e\f`},
		"a='b''c'":                           {"a=bc"},
		`'~' "*" {a,b} \[x]`:                 {"~", "*", "{a,b}", "[x]"},
		"'' b":                               {"", "b"},
		"a#b":                                {"a#b"},
		"-var 'tags=[\"a\",\"b\"]' -input=0": {"-var", `tags=["a","b"]`, "-input=0"},
	} {
		got, err := argv.Read(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestThreat2_ArgumentsAreNeverExpanded(t *testing.T) {
	for text, say := range map[string]string{
		"plan $HOME": "not expanded", "plan $(id)": "not expanded", "plan `id`": "not expanded", `plan "${X}"`: "not expanded", "plan '$X'": "not expanded",
		"plan; id": "quote shell characters", "plan && id": "quote shell characters", "plan > x": "quote shell characters", "plan | tee x": "quote shell characters",
		"plan 'x": "closing quote", `plan "x`: "closing quote", "plan # rest": "comment", "plan\nid": "line break", "plan (x)": "quote shell characters",
	} {
		if got, err := argv.Read(text); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q became %q with error %v, want one that says %q", text, got, err, say)
		}
	}
}

func TestRead_OfAList(t *testing.T) {
	for text, want := range map[string][]string{
		`["plan","-input=false","-out={plan}"]`:                  {"plan", "-input=false", "-out={plan}"},
		` [ "plan", "-var=tags=[\"a\",\"b\"]", "-out={plan}" ] `: {"plan", `-var=tags=["a","b"]`, "-out={plan}"},
		`["plan","-target=a.b[0]","-var=title=a b"]`:             {"plan", "-target=a.b[0]", "-var=title=a b"},
		"plan,-input=false,-lock-timeout=5m,-out={plan}":         {"plan", "-input=false", "-lock-timeout=5m", "-out={plan}"},
		"run-all,plan,-target=a.b[0],-out={plan}":                {"run-all", "plan", "-target=a.b[0]", "-out={plan}"},
		"show,-json,{plan}":                                      {"show", "-json", "{plan}"},
		"init":                                                   {"init"},
	} {
		got, err := argv.Read(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestRead_RefusesWhatCanBeReadInTwoWays(t *testing.T) {
	for text, say := range map[string]string{
		`["plan","-out={plan}"`:              "JSON array",
		`["plan",["-out={plan}"]]`:           "JSON array",
		`["plan",7]`:                         "JSON array",
		`[plan, -out={plan}]`:                "JSON array",
		`["plan","","-out={plan}"]`:          "empty argument",
		`["plan","-var=x=$HOME"]`:            "not expanded",
		`["plan -out={plan}"]`:               "looks like several",
		`["plan","-input=false -lock=true"]`: "looks like several",
		`'plan -out={plan}'`:                 "looks like several",
		"plan,-var=tags=a,b,-out={plan}":     `may as well be the rest of "-var=tags=a"`,
		"plan,-var-file,prod.tfvars":         "may as well be the rest",
		`plan,'-out={plan}'`:                 "cannot be told where",
		"plan,,-out={plan}":                  "empty value",
		"plan,-out={plan},":                  "empty value",
		"plan, -input=false, -out={plan}":    "separate the arguments by spaces alone",
		"plan,-var=title=a b,-out={plan}":    "separate the arguments by spaces alone",
		"show -json,{plan}":                  "separate the arguments by spaces alone",
		"plan ~/x":                           "outside of quotes",
		"plan -target=a.b[0]":                "outside of quotes",
		"plan *.tfplan":                      "outside of quotes",
	} {
		if got, err := argv.Read(text); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s became %q with error %v, want one that says %q", text, got, err, say)
		}
	}
}
