package notify

import (
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const googleHook = "https://chat.googleapis.com/v1/spaces/AAAAexample/messages?key=s3cr3ts3cr3ts3cr3t-s3cr3t&token=s3cr3t_s3cr3ts3cr3ts3cr3t"

var googleTag = regexp.MustCompile(`<b>|</b>|<br>|<a href="(https://[^"<>]*)">(pipeline)</a>`)

// checkGoogle wants a card within the limits of
// https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages
// whose paragraphs hold no tag but this program's.
func checkGoogle(t rapid.TB, content []byte) {
	t.Helper()
	var m struct {
		Text, FallbackText string
		CardsV2            []struct {
			CardID string
			Card   struct {
				Header   *struct{ Title string }
				Sections []struct {
					Widgets []struct{ TextParagraph struct{ Text string } }
				}
			}
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		t.Fatal(err)
	}
	if len(content) > 32000 || m.Text != "" || m.FallbackText == "" || len(m.CardsV2) != 1 {
		t.Fatalf("%d bytes, %d cards, and the text %q, which is markup", len(content), len(m.CardsV2), m.Text)
	}
	for _, section := range m.CardsV2[0].Card.Sections {
		if len(section.Widgets) == 0 || len(section.Widgets) > 100 {
			t.Errorf("%d widgets", len(section.Widgets))
		}
		for _, widget := range section.Widgets {
			text := widget.TextParagraph.Text
			rest := googleTag.ReplaceAllString(text, "")
			if text == "" || strings.ContainsAny(rest, "<>\n") || strings.Contains(html.UnescapeString(rest), "://") || strings.Contains(strings.ReplaceAll(html.UnescapeString(rest), "&", ""), "&") {
				t.Errorf("a paragraph %q", text)
			}
		}
	}
}

func TestThreat11_GoogleChatShowsTextsAsTheyAreAndKeepsToItsLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content, err := json.Marshal(googlePost(drawMessage(t)))
		if err != nil {
			t.Fatal(err)
		}
		checkGoogle(t, content)
	})
}
