package dashboard

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// colours are the custom properties of a :root block of the page's style.
func colours(t *testing.T, block string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(block, -1) {
		found[m[1]] = m[2]
	}
	if len(found) < 7 {
		t.Fatalf("only %d colours in %q", len(found), block)
	}
	return found
}

// luminance is WCAG's relative luminance of #rrggbb.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

// TestIndexHasEnoughContrast computes WCAG 2's ratios of every text on what it
// stands on, by day and by night: 4.5 for text, 3 for borders of controls and
// the focus.
func TestIndexHasEnoughContrast(t *testing.T) {
	css := string(style)
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllString(css, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d palettes, want light, dark and print", len(blocks))
	}
	light := colours(t, blocks[0])
	printed := colours(t, blocks[2])
	for name, colour := range light {
		if printed[name] == "" {
			printed[name] = colour
		}
	}
	for scheme, c := range map[string]map[string]string{"light": light, "dark": colours(t, blocks[1]), "print": printed} {
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"text", "page", 4.5},
			{"text", "sheet", 4.5},
			{"text", "hover", 4.5},
			{"soft", "page", 4.5},
			{"soft", "sheet", 4.5},
			{"soft", "hover", 4.5},
			{"soft", "chip", 4.5},
			{"link", "page", 4.5},
			{"link", "sheet", 4.5},
			{"link", "hover", 4.5},
			{"past", "page", 4.5},
			{"past", "sheet", 4.5},
			{"past", "hover", 4.5},
			{"on-light", "age-a", 4.5},
			{"on-light", "age-b", 4.5},
			{"on-dark", "age-c", 4.5},
			{"on-dark", "age-d", 4.5},
			{"data", "sheet", 3},
			{"edge", "sheet", 3},
			{"edge", "page", 3},
			{"focus", "page", 3},
			{"focus", "sheet", 3},
		} {
			if c[pair.front] == "" || c[pair.back] == "" {
				t.Fatalf("%s: no colour %s or %s", scheme, pair.front, pair.back)
			}
			a, b := luminance(t, c[pair.front]), luminance(t, c[pair.back])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < pair.least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", scheme, pair.front, pair.back, ratio, pair.least)
			}
		}
	}
	if strings.Contains(strings.Join(regexp.MustCompile(`#[0-9a-f]{3,8}\b`).FindAllString(regexp.MustCompile(`(?s):root \{.*?\}|@media print \{.*`).ReplaceAllString(css, ""), -1), ""), "#") {
		t.Error("a colour stands outside of the palettes")
	}
}

// TestIndexHoldsStill has nothing that prefers-reduced-motion would have to
// stop.
func TestIndexHoldsStill(t *testing.T) {
	if found := regexp.MustCompile(`transition|animation|scroll-behavior|@keyframes`).FindString(string(style) + string(script)); found != "" {
		t.Errorf("the page has a %s", found)
	}
}
