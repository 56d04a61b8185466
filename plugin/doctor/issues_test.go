package doctor

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	standin "github.com/pm-todos/pm-todos/plugin/standin/forge"
)

func TestIssuesAreExaminedWhereARunKeepsSome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*settings.Settings, *standin.Forge)
		status Status
		says   string // nothing when it is empty
	}{
		"not wanted":       {change: func(s *settings.Settings, _ *standin.Forge) { s.Report.Issues = settings.Off }},
		"they are there":   {func(*settings.Settings, *standin.Forge) {}, OK, "Gitea lists the issues"},
		"they are off":     {func(_ *settings.Settings, f *standin.Forge) { f.NoIssues = true }, Warn, "Gitea: 404"},
		"no token":         {func(s *settings.Settings, _ *standin.Forge) { s.Repository.ForgeToken = secret.String{} }, Warn, "no token for the forge"},
		"no known forge":   {func(s *settings.Settings, _ *standin.Forge) { s.Repository.ForgeKind = "" }, Warn, "is not known"},
		"a token of none":  {func(s *settings.Settings, _ *standin.Forge) { s.Repository.ForgeToken = secret.New("x") }, Warn, "401"},
		"a forge for none": {func(s *settings.Settings, _ *standin.Forge) { s.Repository.ForgeKind = settings.NoForge }, Warn, "is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			there := &standin.Forge{Token: "t"}
			server := httptest.NewServer(there)
			t.Cleanup(server.Close)
			var s settings.Settings
			s.Report.Issues, s.Repository.ForgeKind, s.Repository.ForgeToken, s.CI.RepoURL = settings.On, "gitea", secret.New("t"), server.URL+"/ops/infra"
			test.change(&s, there)
			r := NewReport(nil, false)
			issues(t.Context(), &patient{Opener: access.Opener{Settings: s}}, voice{"issues", r})
			if test.says == "" {
				if len(r.Findings) != 0 {
					t.Errorf("%+v", r.Findings)
				}
				return
			}
			if len(r.Findings) != 1 || r.Findings[0].Status != test.status || !strings.Contains(r.Findings[0].Text, test.says) || len(there.Issues()) != 0 {
				t.Errorf("%+v", r.Findings)
			}
		})
	}
}

func TestDigestThatNobodyWouldBeToldIsAWarning(t *testing.T) {
	t.Parallel()
	for digest, want := range map[settings.Digest]Status{settings.WeeklyDigest: Warn, settings.NoDigest: Skipped} {
		var s settings.Settings
		s.Report.Digest = digest
		r := NewReport(nil, false)
		chat(t.Context(), &patient{Opener: access.Opener{Settings: s}}, voice{"chat", r})
		if len(r.Findings) != 1 || r.Findings[0].Status != want {
			t.Errorf("%s: %+v", digest, r.Findings)
		}
	}
}
