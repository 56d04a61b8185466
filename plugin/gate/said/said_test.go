package said

import "testing"

func TestNamesStandInTheItem(t *testing.T) {
	for _, test := range []struct {
		text, name string
		want       bool
	}{
		{"Raise the threshold of NodeDown to 5", "NodeDown", true},
		{"Raise the threshold of `NodeDown` to 5", "NodeDown", true},
		{"Raise the node down threshold to 5", "NodeDown", true},
		{"Raise node-down to 5", "NodeDown", true},
		{"Tell of the node. Download it", "NodeDown", false},
		{"It was the node. Down came the rest", "NodeDown", false},
		{"the node; down the hall", "NodeDown", false},
		{"NodeDownSoon waits 5m", "NodeDown", false},
		{"EdgeNodeDown waits 5m", "NodeDown", false},
		{"NodeDownload waits 5m", "NodeDown", false},
		{"Tune KubePod{CrashLooping,NotReady} to 10m", "KubePodNotReady", true},
		{"Tune KubePod{CrashLooping,NotReady} to 10m", "KubePodPending", false},
		{"Do not touch NodeDown, raise DiskFull to 90 %", "NodeDown", false},
		{"Raise all but keep NodeDown", "NodeDown", false},
		{"Don't change A, B or NodeDown", "NodeDown", false},
		{"Everything except X, Y and NodeDown", "NodeDown", false},
		{"It did not fire. Lower NodeDown to 2m", "NodeDown", true},
		{"Raise NodeDown. Do not touch the severity of NodeDown", "NodeDown", false},
		{"Lower the watchdog", "Watchdog", false},
		{"Lower `Watchdog` to 5m", "Watchdog", true},
		{"Wait 10m in `NFSServerDown`", "NFSServerDown", true},
		{"Wait 10m in the NFS server down alert", "NFSServerDown", true},
		{"web-5xx-rate over 0.05", "web-5xx-rate", true},
		{"web 5xx\nrate", "web-5xx-rate", false},
		{"NodeDown must not change, DiskFull waits 10m", "NodeDown", false},
		{"DiskFull waits 10m, NodeDown must not change", "DiskFull", true},
		{"NodeDown bitte nicht anfassen", "NodeDown", false},
		{"NodeDown stays, DiskFull at 10", "NodeDown", false},
		{"Leave the node; NodeDown is unchanged", "NodeDown", false},
		{"NodeDown to 10m, don't touch its severity", "NodeDown", true},
		{"NodeDown does not fire early enough: 2m", "NodeDown", true},
		{"'NodeDown' to 10m", "NodeDown", true},
		{"", "NodeDown", false},
		{"anything", "", false},
	} {
		if got := Read(test.text).Names(test.name); got != test.want {
			t.Errorf("%q names %q: %v, want %v", test.text, test.name, got, test.want)
		}
	}
}

func TestValuesStandInTheItem(t *testing.T) {
	for _, test := range []struct {
		text, key, value string
		want             bool
	}{
		{"raise it to 2Gi", "memory", "2048Mi", true},
		{"raise it to 2 GiB", "memory", "2Gi", true},
		{"raise it to 2 GB", "memory", "2Gi", false},
		{"wait five minutes", "for", "5m", true},
		{"wait 5 minutes", "for", "300s", true},
		{"wait 5m", "for", "5m", true},
		{"wait 90 s", "timeout", "1m30s", true},
		{"above 90 %", "expr", "0.9", true},
		{"above 90%", "expr", "90", true},
		{"above 90", "expr", "90", true},
		{"set `replicas: 3`", "replicas", "3", true},
		{"set `timeo=600`", "timeo", "600", true},
		{"`rate(nfs_ops_total[10m]) > 5`", "expr", "10m", true},
		{"`rate(nfs_ops_total[10m]) > 5`", "expr", "5", true},
		{"set terminationGracePeriodSeconds to 2 minutes", "terminationGracePeriodSeconds", "120", true},
		{"500m of cpu", "cpu", "0.5", true},
		{"500m of cpu", "cpu", "500m", true},
		{"on 2026-04-14 it failed", "replicas", "14", false},
		{"since v5.2.1", "replicas", "5", false},
		{"upgrade to 1.5.3", "replicas", "5", false},
		{"at 10.0.10.15", "replicas", "10", false},
		{"10.0.0.5:9100 is down", "port", "9100", false},
		{"see stacks/5/main.tf", "replicas", "5", false},
		{"see https://example.org/5", "replicas", "5", false},
		{"job_5 failed", "replicas", "5", false},
		{"P95 latency", "replicas", "95", false},
		{"fix PM-12", "replicas", "12", false},
		{"raise to 5.", "replicas", "5", true},
		{"raise from 3 to 10 replicas", "replicas", "10", true},
		{"keep 30 days", "retention", "30d", true},
		{"30M requests", "timeout", "30m", false},
		{"", "replicas", "1", false},
		{"not 50 but 10", "expr", "50", false},
		{"not 50 but 10", "expr", "10", true},
		{"10m instead of 5m", "for", "5m", false},
		{"10m instead of 5m", "for", "10m", true},
		{"it shouldn't wait 50m, use 10m", "for", "50m", false},
		{"it shouldn't wait 50m, use 10m", "for", "10m", true},
		{"never over 0.9. Use 0.8", "expr", "0.9", false},
		{"never over 0.9. Use 0.8", "expr", "0.8", true},
		{"more than 5 restarts", "expr", "5", true},
		{"from 1,500 to 2,500", "expr", "2500", true},
		{"from 1,500 to 2,500", "expr", "2", false},
		{"über 0,9", "expr", "0.9", true},
		{"one of 1,2,3", "expr", "2", false},
		{"by 20 %", "expr", "0.2", false},
		{"um 20 % anheben", "expr", "20", false},
		{"+20", "expr", "20", false},
		{"see issue 7", "expr", "7", false},
		{"1. NodeDown\n2. DiskFull", "expr", "2", false},
		{"cpu to 2", "cpu", "2", true},
		{"2 cores", "cpu", "2", true},
		{"2 cores", "cpu", "2000m", true},
		{"60 seconds", "timeout", "60", true},
		{"60 minutes", "timeout", "60", false},
	} {
		if got := Read(test.text).States(test.key, test.value); got != test.want {
			t.Errorf("%q states %s %s: %v, want %v", test.text, test.key, test.value, got, test.want)
		}
	}
}

// Whatever an item holds, reading it ends and does not panic.
func FuzzRead(f *testing.F) {
	f.Add("Raise `NodeDown` to 5m, not 10m. Foo{Bar,Baz} 1,500 by 20 %", "NodeDown", "1,5")
	f.Add("a{b,c}{d,e}'’`", "a", "5m1h")
	f.Add("1. \xff {,} `", "", "-1e400")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		s := Read(text)
		s.Names(name)
		s.Mentions(name)
		if s.States(name, value) && Read("").States(name, value) {
			t.Errorf("an empty item states %q", value)
		}
		Ratio(name, value, text)
	})
}
