package sshclient

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func TestThreat9_UnusableKeysAreFinalAndLoginsPrintNoKey(t *testing.T) {
	t.Parallel()
	_, key := newKey(t)
	body := strings.Split(key, "\n")[2]
	target, _ := ParseTarget("a@127.0.0.1:1")
	for name, text := range map[string]string{"none": "", "text": body, "damaged": strings.Replace(key, body+"\n", "", 1)} {
		_, err := Dial(t.Context(), Login{Target: target, Key: secret.New(text)})
		if !errors.Is(err, errKey) || fault.Of(err) != fault.Failed || strings.Contains(err.Error(), body[:12]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := Login{Key: secret.New(key)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if strings.Contains(fmt.Sprintf(verb, s), body[:12]) {
			t.Errorf("%s prints the key", verb)
		}
	}
}
