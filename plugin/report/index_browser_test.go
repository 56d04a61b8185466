package report

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// browser is a Chromium without a window.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	t.Skip("needs a real browser: install chromium")
	return ""
}

// harness shows the page, as it is and under its own policy, at two widths,
// uses it as a person would, and writes what it saw into the document.
const harness = `<!doctype html><meta charset="utf-8"><body>
<iframe id="wide" style="width:1200px;height:900px" srcdoc="PAGE"></iframe>
<iframe id="narrow" style="width:390px;height:900px" srcdoc="PAGE"></iframe>
<script>
const use = (frame) => {
  const doc = frame.contentDocument, seen = {};
  const titles = () => [...doc.querySelectorAll('tbody tr:not([hidden]) th a')].map((a) => a.textContent.slice(0, 12));
  const change = (id, key, value) => {
    doc.getElementById(id)[key] = value;
    doc.getElementById(id).dispatchEvent(new frame.contentWindow.Event('input', { bubbles: true }));
  };
  seen.fits = doc.documentElement.scrollWidth <= frame.clientWidth;
  seen.cards = frame.contentWindow.getComputedStyle(doc.querySelector('tbody tr')).display === 'grid';
  seen.background = frame.contentWindow.getComputedStyle(doc.body).backgroundColor;
  seen.ages = [...doc.querySelectorAll('td.age')].map((cell) => cell.textContent.trim());
  seen.links = [...doc.querySelectorAll('tbody th a')].map((a) => a.getAttribute('href'));
  seen.first = titles();
  seen.sorted = {};
  for (const button of doc.querySelectorAll('thead button')) {
    button.focus();
    if (doc.activeElement !== button) seen.unreachable = button.textContent;
    for (let i = 0; i < 2; i++) {
      button.click();
      const sorted = [...doc.querySelectorAll('[aria-sort]')];
      seen.sorted[button.textContent + ' ' + sorted.map((th) => th.getAttribute('aria-sort')).join()] = titles();
    }
  }
  change('search', 'value', 'NFS 2026');
  seen.searched = titles();
  seen.shown = doc.getElementById('shown').textContent;
  change('search', 'value', '');
  change('severity', 'value', 'low');
  seen.low = titles();
  change('severity', 'value', '');
  change('open', 'checked', true);
  seen.open = titles().length;
  return seen;
};
addEventListener('load', () => {
  const result = { wide: use(document.getElementById('wide')), narrow: use(document.getElementById('narrow')) };
  document.body.textContent = 'RESULT ' + btoa(unescape(encodeURIComponent(JSON.stringify(result)))) + ' END';
});
</script>`

// use is what the harness saw.
type use struct {
	Fits, Cards                       bool
	Background, Shown, Unreachable    string
	Ages, Links, First, Searched, Low []string
	Sorted                            map[string][]string
	Open                              int
}

// inBrowser runs the harness with more flags for the browser.
func inBrowser(t *testing.T, program string, flags ...string) (wide, narrow use) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "harness.html")
	page := html.EscapeString(mustIndex(t, indexPath, indexEntries()))
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(harness, "PAGE", page)), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--virtual-time-budget=5000", "--dump-dom",
	}, flags...)
	cmd := exec.CommandContext(ctx, program, append(args, "file://"+file)...)
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TZ=UTC"}
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("%s does not run here: %v", program, err)
	}
	found := regexp.MustCompile(`RESULT (\S+) END`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("the harness did not come to its end:\n%s", out)
	}
	data, err := base64.StdEncoding.DecodeString(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	var result struct{ Wide, Narrow use }
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	return result.Wide, result.Narrow
}

func TestIndexInABrowser(t *testing.T) {
	program := browser(t)
	wide, narrow := inBrowser(t, program)
	dark, _ := inBrowser(t, program, "--blink-settings=preferredColorScheme=0")
	if wide.Background == dark.Background {
		t.Errorf("light and dark are both %s", wide.Background)
	}
	if wide.Cards || !narrow.Cards {
		t.Errorf("cards: wide %t, narrow %t; want them on a phone only", wide.Cards, narrow.Cards)
	}
	const ahead, registry, nfs, hostile, undated = "認証サービスの停止", "Registry ran", "NFS mounts h", "<!channel> @", "javascript:a"
	for name, seen := range map[string]use{"wide": wide, "narrow": narrow} {
		t.Run(name, func(t *testing.T) {
			if !seen.Fits {
				t.Error("the page must be scrolled sideways")
			}
			if seen.Unreachable != "" {
				t.Errorf("the keyboard does not reach %s", seen.Unreachable)
			}
			if len(seen.Ages) != 5 || seen.Ages[0] != "today" || seen.Ages[1] != "none open" || seen.Ages[4] != "unknown" ||
				!regexp.MustCompile(`^[0-9]+ days|[0-9.]+ years|1 day|today$`).MatchString(seen.Ages[2]) || !regexp.MustCompile(`^[0-9.]+ years$`).MatchString(seen.Ages[3]) {
				t.Errorf("ages: %q", seen.Ages)
			}
			wantLinks := []string{"../other/2999-01-01-ahead.md", "2026-05-03-registry.md", "2026-04-14-nfs.md", "2001-01-01-a%20b%23c%3Fd.md", "./javascript:alert%281%29.md"}
			if diff := cmp.Diff(wantLinks, seen.Links); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{ahead, registry, nfs, hostile, undated}, seen.First); diff != "" {
				t.Errorf("order at first (-want +got):\n%s", diff)
			}
			for column, want := range map[string][]string{
				"Date ascending":            {hostile, nfs, registry, ahead, undated}, // no date: last either way
				"Date descending":           {ahead, registry, nfs, hostile, undated},
				"Severity ascending":        {ahead, nfs, registry, hostile, undated},
				"Severity descending":       {hostile, registry, nfs, ahead, undated},
				"Open descending":           {undated, nfs, ahead, hostile, registry},
				"Needs a person descending": {undated, ahead, nfs},
				"Done descending":           {registry, nfs},
				"Age descending":            {hostile, nfs, ahead},
				"Age ascending":             {ahead, nfs, hostile},
			} {
				got := seen.Sorted[column]
				if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
					t.Errorf("sorted by %s (-want +got):\n%s", column, diff)
				}
			}
			if len(seen.Sorted) != 14 {
				t.Errorf("%d orders, want two for each of 7 columns: %v", len(seen.Sorted), seen.Sorted)
			}
			if diff := cmp.Diff([]string{nfs}, seen.Searched); diff != "" || seen.Shown != "1 of 5 shown" {
				t.Errorf("%q when searched (-want +got):\n%s", seen.Shown, diff)
			}
			if diff := cmp.Diff([]string{registry}, seen.Low); diff != "" {
				t.Errorf("of severity low (-want +got):\n%s", diff)
			}
			if seen.Open != 4 {
				t.Errorf("%d have open items, want 4", seen.Open)
			}
		})
	}
}
