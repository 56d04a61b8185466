package postmortem

import (
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
)

func TestTheTimeOfTheIncidentIsReadFromWhatTheDocumentStates(t *testing.T) {
	const head = "# Post-mortem\n\n**Date**: 2026-04-14\n"
	for name, test := range map[string]struct {
		source     string
		start, end string
		noZone     bool
	}{
		"a table with its zone in the header": {
			head + "\n| Time (UTC) | Event |\n|---|---|\n| 05:37 | it breaks |\n| 07:40 | it works |\n", "2026-04-14T05:37:00Z", "2026-04-14T07:40:00Z", false,
		},
		"no zone at all": {
			head + "\n| Time | Event |\n|---|---|\n| 05:37 | it breaks |\n| 07:40 | it works |\n", "2026-04-14T05:37:00Z", "2026-04-14T07:40:00Z", true,
		},
		"a zone in each row, past midnight": {
			head + "\n- **23:50 CEST** — it breaks\n- **00:20 CEST** — it works\n", "2026-04-14T21:50:00Z", "2026-04-14T22:20:00Z", false,
		},
		"dates in the rows": {
			head + "\n| When | What |\n|---|---|\n| 2026-04-13 22:00+02:00 | it breaks |\n| 2026-04-14 01:00+02:00 | it works |\n", "2026-04-13T20:00:00Z", "2026-04-13T23:00:00Z", false,
		},
		"a date column before the time": {
			head + "\n| Date | Time | What |\n|---|---|---|\n| 2026-04-15 | 05:37Z | it breaks |\n| 2026-04-15 | 06:37Z | it works |\n", "2026-04-15T05:37:00Z", "2026-04-15T06:37:00Z", false,
		},
		"a duration counts for more than the last row": {
			head + "**Duration**: 1h 30m\n\nAll times are in UTC.\n\n- 05:37 it breaks\n- 15:00 the review\n", "2026-04-14T05:37:00Z", "2026-04-14T07:07:00Z", false,
		},
		"a field with a span": {
			"# P\n\n| Field | Value |\n|---|---|\n| Date | 2026-04-14 05:37 – 07:40 UTC |\n", "2026-04-14T05:37:00Z", "2026-04-14T07:40:00Z", false,
		},
		"a start and a duration in hours": {
			"# P\n\n**Date**: April 14, 2026, 05:37 UTC\n**Duration**: about 2 hours\n", "2026-04-14T05:37:00Z", "2026-04-14T07:37:00Z", false,
		},
		"hours of the afternoon": {
			head + "\n- 1:05 PM UTC: it breaks\n- 2:10 PM UTC: it works\n", "2026-04-14T13:05:00Z", "2026-04-14T14:10:00Z", false,
		},
		"a zone by its name, in summer": {
			head + "**Timezone**: Europe/Lisbon\n\n| Time | Event |\n|---|---|\n| 05:37 | it breaks |\n| 07:40 | it works |\n", "2026-04-14T04:37:00Z", "2026-04-14T06:40:00Z", false,
		},
		"a zone by its name, in winter, in the header": {
			"# P\n\n**Date**: 2026-01-14\n\n| Time (America/New_York) | Event |\n|---|---|\n| 05:37 | it breaks |\n| 07:40 | it works |\n", "2026-01-14T10:37:00Z", "2026-01-14T12:40:00Z", false,
		},
		"a zone by its name, in each row, over the change to summer time": {
			"# P\n\n**Date**: 2026-03-28\n\n- 23:30 (Europe/Berlin): it breaks\n- 03:30 (Europe/Berlin): it works\n", "2026-03-28T22:30:00Z", "2026-03-29T01:30:00Z", false,
		},
		"what only looks like a zone": {
			head + "\nAll times in the CI/CD logs of Nowhere/Land are local.\n\n- 05:37 it breaks\n- 07:40 it works\n", "2026-04-14T05:37:00Z", "2026-04-14T07:40:00Z", true,
		},
		"two zones": {
			head + "\nAll times are in UTC or in CET.\n\n- 05:37 it breaks\n- 07:40 it works\n", "2026-04-14T05:37:00Z", "2026-04-14T07:40:00Z", true,
		},
		"no time":            {head + "\nIt broke.\n", "", "", false},
		"no date":            {"# P\n\n- 05:37 it breaks\n- 06:00 it works\n", "", "", false},
		"times in a listing": {head + "\n```\n- 05:37 a\n- 06:00 b\n```\n", "", "", false},
		"one time is no timeline": {
			head + "\n- 05:37 is when the backup begins\n- it is slow\n", "", "", false,
		},
	} {
		got := Parse("docs/test.md", []byte(test.source), classify.Policy{}).Incident
		start, _ := time.Parse(time.RFC3339, test.start)
		end, _ := time.Parse(time.RFC3339, test.end)
		if !got.Start.Equal(start) || !got.End.Equal(end) || got.NoZone != test.noZone {
			t.Errorf("%s: %s to %s, no zone %v", name, got.Start.Format(time.RFC3339), got.End.Format(time.RFC3339), got.NoZone)
		}
	}
}
