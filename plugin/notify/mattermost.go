package notify

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/report"
)

// mattermost is told by incoming webhook, see
// https://developers.mattermost.com/integrate/webhooks/incoming/. It takes
// Markdown, and answers "ok".
var mattermost = chat{
	kind: "mattermost", name: "Mattermost", body: mattermostPost, accepted: "ok",
	recognises: func(u *url.URL) bool { return mattermostHook().MatchString(u.Path) },
}

// mattermostHook matches the path of a webhook, below that of the server. Ids
// are 26 characters of base32, see
// https://github.com/mattermost/mattermost/blob/master/server/public/model/utils.go.
var mattermostHook = pattern.Lazy(`/hooks/[a-z0-9]{26}$`)

// maxPost is the length of a message in characters, see PostMessageMaxRunesV2 in
// https://github.com/mattermost/mattermost/blob/master/server/public/model/post.go.
// Attachments may be longer, which nobody would read.
const maxPost = 16383

// mattermostPost is the headline as the text, and the rest as one attachment,
// which Mattermost folds when it is long. What is too much is left out from the
// end, and the last line says so.
func mattermostPost(m report.Message) any {
	headline, parts := "", m.Parts
	if len(parts) > 0 && parts[0].Kind == report.Headline {
		headline, parts = "#### "+mattermostText(parts[0].Text), parts[1:]
	}
	weigh := func(paragraph string) int { return utf8.RuneCountInString(paragraph) + 2 }
	paragraphs := fitting(parts, maxPost-weigh(headline), mattermostMarkup.part, weigh, more)
	type attachment struct {
		Fallback string `json:"fallback"`
		Text     string `json:"text"`
	}
	return struct {
		Text        string       `json:"text"`
		Attachments []attachment `json:"attachments"`
	}{headline, []attachment{{m.Text, strings.TrimSpace(strings.Join(paragraphs, "\n\n"))}}}
}

var mattermostMarkup = markup{
	text: mattermostText, bold: [2]string{"**", "**"}, line: "\n",
	link: func(text, url string) string { return "[" + text + "](" + url + ")" },
}

// mattermostText is lines that show as they are. A backslash takes a character
// its meaning where Mattermost's parser knows that, see inline.escape in
// https://github.com/mattermost/marked/blob/master/lib/marked.js. Mentions,
// channels, hashtags, emoji and bare URLs are found after that, so a zero-width
// space parts them. A dollar sign begins a formula.
func mattermostText(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = mattermostEscapes.Replace(strings.TrimSpace(line)) // indented, it would be code
	}
	return strings.Join(lines, "\n")
}

var mattermostEscapes = strings.NewReplacer(
	": ", ": ", // as people write it
	"`", "\\`", "*", `\*`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`, "+", `\+`, "-", `\-`, ".", `\.`, "!", `\!`,
	"_", `\_`, ">", `\>`, "|", `\|`, "#", "\\#\u200b", "~", "\\~\u200b", `\`, "\\\u200b", "@", "@\u200b", ":", ":\u200b", "=", "=\u200b",
	"<", "&lt;", "&", "&amp;", "$", "&#36;",
)
