package secret_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

func TestThreat9_SecretsDoNotPrintThemselves(t *testing.T) {
	s := secret.New("hunter22")
	holder := struct {
		Name  string
		Value secret.String
		Point *secret.String
		List  []secret.String
	}{"n", s, &s, []secret.String{s}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, value := range []any{s, &s, holder, &holder} {
			if got := fmt.Sprintf(verb, value); strings.Contains(got, "hunter") || strings.Contains(strings.ToLower(got), "68756e746572") {
				t.Errorf("%s of %T prints %s", verb, value, got)
			}
		}
	}
	got, err := json.Marshal(map[string]any{"a": s, "b": holder})
	if err != nil || strings.Contains(string(got), "hunter") {
		t.Errorf("JSON is %s, %v", got, err)
	}
	if s.Reveal() != "hunter22" || s.Empty() || !secret.New("").Empty() || secret.New("").String() != "" {
		t.Error("the text itself is lost")
	}
}
