package notify

import (
	"net/url"
	"strings"
	"unicode/utf16"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/report"
)

// discord is told by webhook, see
// https://discord.com/developers/docs/resources/webhook#execute-webhook. It answers
// 204 No Content.
var discord = chat{
	kind: "discord", name: "Discord", body: discordPost,
	recognises: func(u *url.URL) bool { return discordHook().MatchString(u.Hostname() + u.Path) },
}

var discordHook = pattern.Lazy(`^([a-z]+\.)?discord(app)?\.com/api/(v\d+/)?webhooks/\d+/`)

// Limits of a message's embeds, see
// https://discord.com/developers/docs/resources/message#embed-object-embed-limits.
const (
	maxDescription = 4096 // of one
	maxEmbedded    = 6000 // of all together
	maxParagraph   = 1300 // so that one fits, even when each character of it is escaped
)

type discordEmbed struct {
	Description string `json:"description"`
}

// discordPost is the headline as the message's own text, and the rest as embeds,
// in which links have words. Nothing in it mentions anybody, whatever it says.
func discordPost(m report.Message) any {
	type mentions struct {
		Parse []string `json:"parse"`
	}
	type post struct {
		Content  string         `json:"content"`
		Embeds   []discordEmbed `json:"embeds,omitempty"`
		Mentions mentions       `json:"allowed_mentions"`
	}
	message := post{Mentions: mentions{Parse: []string{}}}
	parts := m.Parts
	if len(parts) > 0 && parts[0].Kind == report.Headline {
		message.Content, parts = "**"+discordText(parts[0].Text)+"**", parts[1:]
	}
	for _, paragraph := range fitting(parts, maxEmbedded-8, discordMarkup.part, discordWeight, more) {
		last := len(message.Embeds) - 1
		if last >= 0 && units(message.Embeds[last].Description)+units(paragraph) < maxDescription-2 {
			message.Embeds[last].Description += "\n" + paragraph
		} else {
			message.Embeds = append(message.Embeds, discordEmbed{paragraph})
		}
	}
	return message
}

var discordMarkup = markup{
	text: func(text string) string { return discordText(shortened(text, maxParagraph)) }, bold: [2]string{"**", "**"}, line: "\n",
	link: func(text, url string) string { return "[" + text + "](<" + url + ">)" },
}

// discordText is a text that shows as it is: a backslash takes any punctuation its
// meaning, be it Markdown, a mention, an emoji or a URL.
func discordText(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for _, r := range strings.TrimLeft(line, " \t") {
			if r < 0x80 && strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// discordWeight is what a paragraph takes of a message. One that fits no embed is
// one for which there is no room.
func discordWeight(paragraph string) int {
	if units(paragraph) >= maxDescription {
		return maxEmbedded
	}
	return units(paragraph)
}

// units is the length of a text in UTF-16 units, and of the end of its line.
func units(text string) int { return len(utf16.Encode([]rune(text))) + 1 }

// shortened is a text of at most so many characters.
func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
