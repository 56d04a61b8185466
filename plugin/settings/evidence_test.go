package settings

import (
	"slices"
	"testing"
)

func TestSettingsForPrometheusFitTogether(t *testing.T) {
	prometheus := block{"prometheus_url": "http://prometheus:9090"}
	for _, test := range []struct {
		more block
		want []string
	}{
		{block{"prometheus_token": "hunter2"}, nil},
		{block{"prometheus_username": "u", "prometheus_password": "hunter2", "prometheus_tenant": "a|b"}, nil},
		{block{"prometheus_url": "", "prometheus_token": "hunter2"}, []string{"prometheus_url: is missing; prometheus_token has no use without it"}},
		{block{"prometheus_url": "http://u:hunter2@prometheus"}, []string{"prometheus_url: holds a user or a password; use prometheus_username and prometheus_password"}},
		{block{"prometheus_password": "hunter2"}, []string{"prometheus_username: is missing; prometheus_password has no use without it"}},
		{block{"prometheus_token": "hunter2", "prometheus_username": "u"}, []string{"prometheus_token: cannot be used together with prometheus_username: a request has one login; remove one of them"}},
		{block{"prometheus_tenant": "a b"}, []string{"prometheus_tenant: is no name of a tenant; use letters, digits and !-_.*'() only"}},
		{block{"noisy_after": "0"}, []string{"noisy_after: 0 is too small; write 1 or more"}},
	} {
		if got := problemsIn(t, least.with(prometheus).with(test.more), CI{}); !slices.Equal(got, test.want) {
			t.Errorf("%v: %q, want %q", test.more, got, test.want)
		}
	}
}
