package notify

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/report"
)

const (
	teamsHook = "https://0123456789abcdef0123456789abcd.ef.environment.api.powerplatform.com/powerautomate/automations/direct/workflows/" +
		"s3cr3ts3cr3ts3cr3t/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s3cr3t-s3cr3ts3cr3ts3cr3t_s3cr3t"
	oldTeamsHook = "https://prod-25.westeurope.logic.azure.com:443/workflows/s3cr3ts3cr3ts3cr3t/triggers/manual/paths/invoke?api-version=2016-06-01&sig=s3cr3ts3cr3ts3cr3t"
)

// adaptiveCard lists what Teams would refuse or interpret in a message to a
// workflow: anything but the one attachment of RichTextBlocks, of 28 KB at most.
func adaptiveCard(t rapid.TB, content []byte) (lines []string) {
	t.Helper()
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct {
				Type, Version, FallbackText string
				MSTeams                     map[string]any
				Body                        []struct {
					Type, Spacing string
					Inlines       []struct {
						Type, Text, Size, Weight string
						IsSubtle                 bool
						SelectAction             *struct{ Type, URL string }
					}
				}
			}
		}
	}
	decoder := json.NewDecoder(strings.NewReader(strings.Replace(string(content), `"$schema":"http://adaptivecards.io/schemas/adaptive-card.json",`, "", 1)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if len(content) > 28<<10 || m.Type != "message" || len(m.Attachments) != 1 {
		t.Fatalf("a %s of %d bytes and %d attachments", m.Type, len(content), len(m.Attachments))
	}
	card := m.Attachments[0].Content
	if m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || card.Type != "AdaptiveCard" || len(card.Body) == 0 || card.FallbackText == "" || card.MSTeams["entities"] != nil {
		t.Errorf("the card is %+v", card)
	}
	for _, block := range card.Body {
		if block.Type != "RichTextBlock" || len(block.Inlines) == 0 {
			t.Errorf("a %s of %d inlines", block.Type, len(block.Inlines))
		}
		line := ""
		for _, run := range block.Inlines {
			if run.Type != "TextRun" || run.Text == "" || strings.Contains(run.Text, "{{") || strings.Contains(run.Text, "\n") {
				t.Errorf("a %s %q", run.Type, run.Text)
			}
			if link := run.SelectAction; link != nil && (link.Type != "Action.OpenUrl" || !strings.HasPrefix(link.URL, "https://") || strings.Contains(run.Text, marker)) {
				t.Errorf("%q is a %s to %s", run.Text, link.Type, link.URL)
			}
			line += run.Text
		}
		lines = append(lines, line)
	}
	return lines
}

func TestThreat11_TeamsShowsTextsAsTheyAreAndKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content, err := json.Marshal(teamsPost(drawMessage(t)))
		if err != nil {
			t.Fatal(err)
		}
		adaptiveCard(t, content)
	})
}

func TestTeamsLeavesOutWhatIsTooMuchAndSaysSo(t *testing.T) {
	part := report.Part{Kind: report.Body, Lead: "P1 Alert Add {{DATE(2026)}}", Text: strings.Repeat("日", 1400) + "\n\n– a reason"}
	content, err := json.Marshal(teamsPost(report.Message{Text: "pm-todos: 9 done", Parts: []report.Part{part, part, part, part, part, part, part, part, part}}))
	if err != nil {
		t.Fatal(err)
	}
	lines := adaptiveCard(t, content)
	if lines[0] != "P1 Alert Add {\u200b{DATE(2026)}}" || lines[2] != " " || lines[len(lines)-1] != more || len(lines) != 4*6+1 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}
