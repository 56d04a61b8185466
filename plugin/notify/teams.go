package notify

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/report"
)

// teams is told by the webhook of a workflow that posts an Adaptive Card, see
// https://support.microsoft.com/office/post-a-workflow-when-a-webhook-request-is-received-in-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498.
// It answers 202 Accepted, with nothing.
var teams = chat{kind: "teams", name: "Microsoft Teams", body: teamsPost, recognises: powerAutomate}

// powerAutomate reports whether a URL is the trigger of a workflow of Power
// Automate, now or before November 2025.
func powerAutomate(u *url.URL) bool {
	host := u.Hostname()
	return strings.HasSuffix(host, ".api.powerplatform.com") && strings.Contains(u.Path, "/workflows/") ||
		strings.HasSuffix(host, ".logic.azure.com") && strings.HasPrefix(u.Path, "/workflows/")
}

// maxCard is the size of a message in bytes, less what is around its parts. See
// https://learn.microsoft.com/microsoftteams/limits-specifications-teams, where a
// webhook's message has 28 KB.
const maxCard = 27 << 10

// teamsBlock is a RichTextBlock of an Adaptive Card, see
// https://adaptivecards.io/explorer/RichTextBlock.html. Unlike a TextBlock, its runs
// know no Markdown. A mention would need an entity of its own beside the card.
type teamsBlock struct {
	Type    string     `json:"type"`
	Spacing string     `json:"spacing,omitempty"`
	Inlines []teamsRun `json:"inlines"`
}

// teamsRun is a TextRun.
type teamsRun struct {
	Type   string     `json:"type"`
	Text   string     `json:"text"`
	Size   string     `json:"size,omitempty"`
	Weight string     `json:"weight,omitempty"`
	Subtle bool       `json:"isSubtle,omitempty"`
	Action *teamsLink `json:"selectAction,omitempty"`
}

type teamsLink struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// teamsPost is the parts as blocks, one for each line.
func teamsPost(m report.Message) any {
	type card struct {
		Schema   string            `json:"$schema"`
		Type     string            `json:"type"`
		Version  string            `json:"version"`
		Fallback string            `json:"fallbackText"`
		Teams    map[string]string `json:"msteams"`
		Body     []teamsBlock      `json:"body"`
	}
	type attachment struct {
		ContentType string `json:"contentType"`
		Content     card   `json:"content"`
	}
	var body []teamsBlock
	last := teamsBlocks(report.Part{Kind: report.Small, Spans: []report.Span{{Text: more}}})
	for _, blocks := range fitting(m.Parts, maxCard, teamsBlocks, jsonLength, last) {
		body = append(body, blocks...)
	}
	return struct {
		Type        string       `json:"type"`
		Attachments []attachment `json:"attachments"`
	}{"message", []attachment{{"application/vnd.microsoft.card.adaptive", card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		Fallback: m.Text, Teams: map[string]string{"width": "Full"}, Body: body,
	}}}}
}

func teamsBlocks(p report.Part) (blocks []teamsBlock) {
	line := func(runs ...teamsRun) {
		block := teamsBlock{Type: "RichTextBlock", Inlines: runs}
		if len(blocks) > 0 || p.Kind == report.Small {
			block.Spacing = "None"
		}
		blocks = append(blocks, block)
	}
	switch p.Kind {
	case report.Headline:
		run := teamsText(p.Text)
		run.Size, run.Weight = "Large", "Bolder"
		line(run)
	case report.Title:
		run := teamsText(p.Text)
		run.Weight = "Bolder"
		line(run)
	case report.Body:
		if p.Lead != "" {
			run := teamsText(p.Lead)
			run.Weight = "Bolder"
			line(run)
		}
		for text := range strings.Lines(p.Text) {
			line(teamsText(strings.TrimSuffix(text, "\n")))
		}
	default:
		var runs []teamsRun
		for i, span := range p.Spans {
			if i > 0 {
				runs = append(runs, teamsText(" · "))
			}
			run := teamsText(span.Text)
			if run.Subtle = span.URL == ""; span.URL != "" {
				run.Action = &teamsLink{"Action.OpenUrl", span.URL}
			}
			runs = append(runs, run)
		}
		line(runs...)
	}
	return blocks
}

// teamsText is a line that shows as it is. Only the macros {{DATE(…)}} and
// {{TIME(…)}} mean something in it: a zero-width space parts them.
func teamsText(text string) teamsRun {
	return teamsRun{Type: "TextRun", Text: cmp.Or(strings.NewReplacer("{{", "{\u200b{", "\n", " ").Replace(text), " ")}
}

// jsonLength is the size of a value in a request.
func jsonLength[T any](value T) int {
	content, _ := json.Marshal(value) // the values here hold strings only
	return len(content) + len(",")
}
