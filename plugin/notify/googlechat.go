package notify

import (
	"html"
	"net/url"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/report"
)

// googleChat is told by the webhook of a space, see
// https://developers.google.com/workspace/chat/quickstart/webhooks. It answers with
// the message.
var googleChat = chat{
	kind: "googlechat", name: "Google Chat", body: googlePost,
	recognises: func(u *url.URL) bool { return u.Hostname() == "chat.googleapis.com" },
}

// Limits of a message: of its size in bytes, less what is around its parts, see
// https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages/create,
// and of the widgets that are shown, see
// https://developers.google.com/workspace/chat/api/reference/rest/v1/cards#Section.
const (
	maxSpaceMessage = 30000
	maxWidgets      = 100
)

type googleWidget struct {
	TextParagraph struct {
		Text string `json:"text"`
	} `json:"textParagraph"`
}

// googlePost is the headline as the title of a card, and the rest as its
// paragraphs. Those are written in a few tags of HTML, so that every text can be
// escaped, which is not so for a message's own text. A card mentions nobody.
func googlePost(m report.Message) any {
	type header struct {
		Title string `json:"title"`
	}
	type section struct {
		Widgets []googleWidget `json:"widgets"`
	}
	type card struct {
		Header   *header   `json:"header,omitempty"`
		Sections []section `json:"sections,omitempty"`
	}
	type cardWithID struct {
		ID   string `json:"cardId"`
		Card card   `json:"card"`
	}
	var c card
	parts := m.Parts
	if len(parts) > 0 && parts[0].Kind == report.Headline {
		c.Header, parts = &header{parts[0].Text}, parts[1:]
	}
	weigh := func(w googleWidget) int { return max(jsonLength(w), maxSpaceMessage/maxWidgets) }
	last := googlePart(report.Part{Kind: report.Small, Spans: []report.Span{{Text: more}}})
	if widgets := fitting(parts, maxSpaceMessage, googlePart, weigh, last); len(widgets) > 0 {
		c.Sections = []section{{widgets}}
	}
	return struct {
		Fallback string       `json:"fallbackText"`
		Cards    []cardWithID `json:"cardsV2"`
	}{m.Text, []cardWithID{{"pm-todos", c}}}
}

func googlePart(p report.Part) (w googleWidget) {
	w.TextParagraph.Text = googleMarkup.part(p)
	return w
}

var googleMarkup = markup{
	text: googleText, bold: [2]string{"<b>", "</b>"}, line: "<br>",
	link: func(text, url string) string { return `<a href="` + html.EscapeString(url) + `">` + text + "</a>" },
}

// googleText is lines that show as they are. A zero-width space keeps a bare URL
// from becoming a link.
func googleText(text string) string {
	return strings.NewReplacer("\n", "<br>", "://", ":\u200b//").Replace(html.EscapeString(text))
}
