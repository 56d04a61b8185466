package notify

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const discordHookURL = "https://discord.com/api/webhooks/123456789012345678/s3cr3ts3cr3ts3cr3t-s3cr3ts3cr3ts3cr3t_s3cr3ts3cr3ts3cr3t"

// What this program writes for itself: bold words and links of its own.
var (
	discordOwn  = regexp.MustCompile(`\[(pipeline)\]\(<https://ci\.example\.org/42\?a=1&b=2>\)|(?m)^\*\*|\*\*$|^\\\*`)
	discordBare = regexp.MustCompile("[!-/:-@\\[-`{-~]")
)

// checkDiscord wants a message within the limits of
// https://discord.com/developers/docs/resources/message#embed-object-embed-limits that
// mentions nobody, and in which no punctuation of a text stands without its
// backslash.
func checkDiscord(t rapid.TB, content []byte) {
	t.Helper()
	var m struct {
		Content  string
		Embeds   []struct{ Description string }
		Mentions struct{ Parse []string } `json:"allowed_mentions"`
	}
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	if m.Mentions.Parse == nil || len(m.Mentions.Parse) > 0 {
		t.Error("mentions are parsed")
	}
	if len(m.Embeds) > 10 || m.Content == "" && len(m.Embeds) == 0 || length(m.Content) > 2000 {
		t.Errorf("%d characters and %d embeds", length(m.Content), len(m.Embeds))
	}
	together := 0
	for _, embed := range m.Embeds {
		n := length(embed.Description)
		if together += n; n == 0 || n > 4096 || together > 6000 {
			t.Errorf("an embed of %d characters, %d so far", n, together)
		}
		for line := range strings.Lines(embed.Description) {
			line = discordOwn.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
			for i := 0; i < len(line); i++ {
				if line[i] == '\\' && i+1 < len(line) {
					i++
				} else if discordBare.MatchString(line[i:i+1]) && line != more {
					t.Fatalf("%q stands for itself at %d of %q", line[i], i, line)
				}
			}
		}
	}
}

func TestThreat11_DiscordShowsTextsAsTheyAreAndKeepsToItsLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content, err := json.Marshal(discordPost(drawMessage(t)))
		if err != nil {
			t.Fatal(err)
		}
		checkDiscord(t, content)
	})
}
