package promql

import "testing"

func TestExpressionsThatNeverHoldAreKnown(t *testing.T) {
	for source, never := range map[string]bool{
		`foo > 1 and foo < 0`:                         true,
		`foo > 1 and foo < 2`:                         false,
		`foo > 1 and on (a) foo < 0`:                  false,
		`absent(up{job="x"}) > 1`:                     true,
		`absent(up{job="x"}) == 1`:                    false,
		`1 < absent(up{job="x"})`:                     true,
		`count(up{job="x"}) < 0`:                      true,
		`count(up{job="x"}) < 1`:                      true,
		`count(up{job="x"}) == 0`:                     true,
		`count(up{job="x"}) < 3`:                      false,
		`(count(up{job="x"}) or vector(0)) < 1`:       false,
		`rate(foo[5m]) < 0`:                           true,
		`rate(foo[5m]) <= 0`:                          false,
		`sum(rate(foo[5m])) < 0`:                      true,
		`sum(rate(foo[5m])) / sum(rate(bar[5m])) < 0`: true,
		`sum(rate(foo[5m])) - sum(rate(bar[5m])) < 0`: false,
		`delta(foo[5m]) < 0`:                          false,
		`foo unless foo`:                              true,
		`foo unless bar`:                              false,
		`clamp_max(foo, 1) > 2`:                       true,
		`clamp_min(foo, 3) < 2`:                       true,
		`clamp(foo, 0, 1) > 1`:                        true,
		`clamp(foo, 0, 1) >= 1`:                       false,
		`foo > foo`:                                   true, `foo < foo`: true, `foo != foo`: true, `foo >= foo`: false, `foo > inf`: true, `foo == NaN`: true, `foo % 2 > 2`: true, `sgn(foo) > 1`: true,
		`hour() > 23`:                                         true,
		`hour() > 22`:                                         false,
		`quantile_over_time(0.9, foo[5m]) > 5`:                false,
		`predict_linear(foo[6h], 3600) < 0`:                   false,
		`max_over_time(rate(foo[1m])[30m:1m]) < 0`:            true,
		`foo == 1 and foo != 1`:                               false, // it is not known that they are of one sample
		`label_replace(foo, "a", "$1", "b", "(.*)") > 1`:      false,
		`histogram_quantile(0.9, rate(foo_bucket[5m])) < 0.1`: false,
	} {
		e, err := Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if e.Never() != never {
			t.Errorf("%s: never %v, want %v", source, e.Never(), never)
		}
	}
}

func TestExpressionsThatAlwaysHoldAreKnown(t *testing.T) {
	for source, always := range map[string]bool{
		`up == 0 or vector(1)`:                  true,
		`foo > bool 5`:                          true,
		`vector(1)`:                             true,
		`(sum(foo) or vector(0)) > 5`:           false,
		`sum(foo) > 5`:                          false,
		`time() - last_success_seconds > 86400`: false,
		`absent(up)`:                            false,
		`foo > 1 or bar > 1`:                    false,
		`foo * on () group_left vector(1)`:      false,
	} {
		e, err := Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if e.Always() != always {
			t.Errorf("%s: always %v, want %v", source, e.Always(), always)
		}
	}
}
