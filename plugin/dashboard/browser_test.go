package dashboard

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png" // of the pictures
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// browser is a Chromium without a window.
type browser struct {
	program string
	named   bool // by whoever runs the tests: then it has to work
}

func chromium(t testing.TB) browser {
	t.Helper()
	if program := os.Getenv("PM_TODOS_CHROMIUM"); program != "" {
		return browser{program, true}
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return browser{program, false}
		}
	}
	t.Skip("needs a real browser: install chromium, or name one in PM_TODOS_CHROMIUM")
	return browser{}
}

// forTest is one for a test. The race detector does not see into it.
func forTest(t *testing.T) browser {
	t.Helper()
	if testing.Short() {
		t.Skip("short: nothing of the program runs in a browser")
	}
	return chromium(t)
}

// everyCase reports whether all cases are asked for, and says so where a sample
// stands for them.
func everyCase(t *testing.T) bool {
	t.Helper()
	every := os.Getenv("PM_TODOS_EVERY_CASE") != ""
	if !every {
		t.Log("a sample: PM_TODOS_EVERY_CASE=1 goes through every case")
	}
	return every
}

var (
	lightFlags = []string{"--blink-settings=preferredColorScheme=1"}
	darkFlags  = []string{"--blink-settings=preferredColorScheme=0"}
)

// open shows an address, and returns what it prints. Nothing on the page may complain.
func (b browser) open(t testing.TB, address string, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-device-scale-factor=1",
		"--enable-logging=stderr", "--user-data-dir=" + filepath.Join(dir, "profile"),
	}, flags...)
	cmd := exec.CommandContext(ctx, b.program, append(args, address)...)
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "TZ=UTC", "LANG=C.UTF-8"}
	cmd.WaitDelay = 5 * time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	switch {
	case err != nil && b.named:
		t.Fatalf("%s: %v\n%s", b.program, err, said.Bytes())
	case err != nil:
		t.Skipf("%s does not run here: %v", b.program, err)
	}
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the page complains: %s", line)
		}
	}
	return out
}

// harness shows the page at a width and uses it as a person would.
const harness = `<!doctype html><meta charset="utf-8"><body><script>
const lines = (doc, selector) => [...doc.querySelectorAll(selector)].filter((e) => e.checkVisibility({ contentVisibilityAuto: false }));
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = (colour) => { const [r, g, b] = colour.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
// faint lists the texts whose contrast is under 4.5, as the browser shows them.
const faint = (win) => {
  const found = [];
  for (const element of lines(win.document, 'body *:not(script):not(svg *)')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')) continue;
    let ground = element;
    while (ground.parentElement && /rgba\(.*, 0\)|transparent/.test(win.getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    const a = luminance(win.getComputedStyle(element).color), b = luminance(win.getComputedStyle(ground).backgroundColor);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(element.className + ' ' + element.textContent.trim().slice(0, 20) + ' ' + ratio.toFixed(2));
  }
  return found;
};
const use = (frame) => {
  const win = frame.contentWindow, doc = frame.contentDocument, seen = {};
  const titles = () => lines(doc, '.document').map((row) => row.querySelector('.title').firstChild.data.trim());
  const items = () => lines(doc, '.document li').length;
  const set = (values) => {
    doc.getElementById('filters').reset();
    for (const [id, value] of Object.entries(values)) doc.getElementById(id).value = value;
    doc.getElementById('q').dispatchEvent(new win.Event('input', { bubbles: true }));
    return { hits: doc.getElementById('shown').textContent, titles: titles(), items: items(), fragment: decodeURIComponent(win.location.hash) };
  };
  const fits = () => doc.documentElement.scrollWidth <= win.innerWidth;
  seen.background = win.getComputedStyle(doc.body).backgroundColor;
  seen.late = doc.getElementById('late').textContent;
  seen.ages = lines(doc, '.document .age').map((age) => age.textContent.trim());
  seen.first = set({});
  seen.closedFits = fits();
  seen.state = set({ state: 'person' });
  seen.typed = set({ type: 'Alert', state: 'done' });
  seen.service = set({ service: 'mail', severity: 'SEV4' });
  seen.words = set({ q: 'REGISTRY 2gi' });
  seen.nothing = set({ q: 'zqxzqx' });
  seen.sorted = Object.fromEntries(['oldest', 'severity', 'open', 'age'].map((by) => [by, set({ sort: by }).titles.slice(0, 3)]));
  set({});
  doc.getElementById('unfold').click();
  seen.unfolded = items();
  seen.openFits = fits();
  seen.faint = faint(win);
  doc.getElementById('unfold').click();
  seen.folded = items();
  seen.unreachable = [];
  for (const element of lines(doc, 'a, summary, select, input, button')) {
    element.focus();
    if (doc.activeElement !== element) seen.unreachable.push(element.outerHTML.slice(0, 60));
  }
  return seen;
};
const open = (address) => new Promise((resolve) => {
  const frame = document.createElement('iframe');
  frame.style = 'border: 0; height: 900px; width: ' + new URLSearchParams(location.search).get('width') + 'px';
  frame.onload = () => resolve(frame);
  frame.src = address;
  document.body.append(frame);
});
(async () => {
  const result = use(await open('/index.html'));
  const again = await open('/index.html#state=person&q=volumes');
  result.linked = again.contentDocument.getElementById('shown').textContent;
  document.title = 'RESULT ' + btoa(unescape(encodeURIComponent(JSON.stringify(result)))) + ' END';
})();
</script>`

// view is what the page shows with a filter.
type view struct {
	Hits, Fragment string
	Titles         []string
	Items          int
}

// seen is what the harness saw.
type seen struct {
	Background, Late, Linked                     string
	Ages, Faint, Unreachable                     []string
	First, State, Typed, Service, Words, Nothing view
	Sorted                                       map[string][]string
	Unfolded, Folded                             int
	ClosedFits, OpenFits                         bool
}

// served are the page of some documents and the harness, until the test ends.
func served(t testing.TB, documents []Document) string {
	t.Helper()
	page := mustWrite(t, indexPath, documents).Page
	still := regexp.MustCompile(`(?s)<script>.*</script>`).ReplaceAll(page, nil)
	mux := http.NewServeMux()
	for path, content := range map[string][]byte{"/index.html": page, "/harness.html": []byte(harness), "/stopwatch.html": []byte(stopwatch), "/reader.html": []byte(reader), "/still.html": still} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(content) // the test fails by what it does not see
		})
	}
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (b browser) use(t *testing.T, address, width string, flags ...string) (result seen) {
	t.Helper()
	out := b.open(t, address+"/harness.html?width="+width, append(flags, "--window-size=1400,1000", "--virtual-time-budget=20000", "--dump-dom")...)
	found := regexp.MustCompile(`RESULT (\S+) END`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("the harness did not come to its end:\n%.2000s", out)
	}
	data, err := base64.StdEncoding.DecodeString(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// TestIndexInABrowser uses the page at two widths, by day and by night, and where a
// sample is enough, at each width and at each time once.
func TestIndexInABrowser(t *testing.T) {
	b := forTest(t)
	documents := sample(24, written)
	address := served(t, documents)
	count := func(fits func(Document, Item) bool) (inDocuments, items int) {
		for _, d := range documents {
			before := items
			for _, one := range d.Items {
				if fits(d, one) {
					items++
				}
			}
			if items > before {
				inDocuments++
			}
		}
		return inDocuments, items
	}
	_, all := count(func(Document, Item) bool { return true })
	_, person := count(func(_ Document, one Item) bool { return one.State == Person })
	_, alerts := count(func(_ Document, one Item) bool { return one.State == Done && one.Type == "Alert" })
	backgrounds := map[string]bool{}
	every := everyCase(t)
	for i, test := range []struct {
		name, width string
		flags       []string
	}{{"wide and light", "1280", lightFlags}, {"wide and dark", "1280", darkFlags}, {"narrow and light", "390", lightFlags}, {"narrow and dark", "390", darkFlags}} {
		if !every && (i == 1 || i == 2) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			got := b.use(t, address, test.width, test.flags...)
			backgrounds[got.Background] = true
			if !got.ClosedFits || !got.OpenFits {
				t.Errorf("the page must be scrolled sideways: closed %t, open %t", !got.ClosedFits, !got.OpenFits)
			}
			if len(got.Faint) > 0 {
				t.Errorf("too little contrast: %q", got.Faint)
			}
			if len(got.Unreachable) > 0 {
				t.Errorf("the keyboard does not reach %q", got.Unreachable)
			}
			if len(got.First.Titles) != 24 || got.First.Items != 0 || got.First.Hits != "24 of 24 post-mortems" || got.First.Fragment != "" {
				t.Errorf("at first: %+v", got.First)
			}
			if got.Unfolded != all || got.Folded != 0 {
				t.Errorf("%d items when all are open, want %d; %d when all are closed", got.Unfolded, all, got.Folded)
			}
			if got.State.Items != person || got.State.Fragment != "#state=person" || !strings.Contains(got.State.Hits, "items") {
				t.Errorf("need a person: %+v, want %d items", got.State, person)
			}
			if got.Typed.Items != alerts && len(got.Typed.Titles) <= 20 || got.Typed.Fragment != "#type=Alert&state=done" {
				t.Errorf("alerts that are done: %+v, want %d items", got.Typed, alerts)
			}
			if len(got.Service.Titles) != 3 || got.Service.Titles[0] != "Queue of the mailer grew for two days" {
				t.Errorf("of severity SEV4 in mail: %+v", got.Service)
			}
			if len(got.Words.Titles) == 0 || got.Words.Items == 0 || got.Words.Items > 24 {
				t.Errorf("by words: %+v", got.Words)
			}
			if len(got.Nothing.Titles) != 0 || got.Nothing.Hits != "No post-mortem matches" {
				t.Errorf("by a word that is nowhere: %+v", got.Nothing)
			}
			if !strings.Contains(got.Linked, " of 24 post-mortems") {
				t.Errorf("a linked view shows %q", got.Linked)
			}
			oldest, newest := shortTitle(documents[23].Title), shortTitle(documents[0].Title)
			if got.First.Titles[0] != newest || got.Sorted["oldest"][0] != oldest || got.Sorted["age"][0] == newest || documentsBy(documents, got.Sorted["severity"][0]) != "SEV1" {
				t.Errorf("at first %s, sorted %q", got.First.Titles[0], got.Sorted)
			}
			for _, age := range got.Ages {
				if !regexp.MustCompile(`^(?:[0-9]+ days|[0-9.]+ years|1 day|today|)$`).MatchString(age) {
					t.Errorf("an age is %q", age)
				}
			}
		})
	}
	if len(backgrounds) > 2 || len(backgrounds) < 2 && !t.Failed() {
		t.Errorf("light and dark are %v", backgrounds)
	}
}

// documentsBy is the severity of the documents with a title.
func documentsBy(documents []Document, title string) string {
	at := slices.IndexFunc(documents, func(d Document) bool { return shortTitle(d.Title) == title })
	if at < 0 {
		return ""
	}
	return documents[at].Severity
}

// reader looks at some of many post-mortems: their items are read as markup when they
// are to be seen.
const reader = `<!doctype html><body><iframe src="/index.html" style="width: 1280px; height: 900px"></iframe>
<iframe src="/still.html" sandbox="allow-same-origin"></iframe><script>
addEventListener('load', () => {
  const win = document.querySelector('iframe').contentWindow, doc = win.document, seen = [];
  const note = () => seen.push(doc.querySelectorAll('.document li').length, lines('.document li'));
  const lines = (selector) => [...doc.querySelectorAll(selector)].filter((e) => e.checkVisibility({ contentVisibilityAuto: false })).length;
  const set = (id, value) => {
    doc.getElementById(id).value = value;
    doc.getElementById(id).dispatchEvent(new win.Event('input', { bubbles: true }));
  };
  note();
  doc.querySelector('summary .title').click();
  note();
  doc.querySelector('summary .title').click();
  set('q', 'REGISTRY volumes ' + doc.querySelectorAll('.document .date')[1].textContent);
  note();
  set('type', 'Monitor');
  note();
  doc.getElementById('filters').reset();
  set('q', '');
  doc.getElementById('unfold').click();
  note();
  seen.push(document.querySelector('iframe[sandbox]').contentDocument.querySelectorAll('.document li').length);
  document.title = 'SEEN ' + seen.join(' ') + ' LATE ' + doc.getElementById('late').textContent + ' MARKED ' + doc.querySelectorAll('li.late').length + ' END';
});
</script>`

// TestItemsOfManyPostMortemsAreReadWhenTheyAreLookedAt says of each step how many items
// are there and how many of them are seen. The last number is of a frame without scripts.
func TestItemsOfManyPostMortemsAreReadWhenTheyAreLookedAt(t *testing.T) {
	b := forTest(t)
	documents := sample(400, written)
	all := 0
	for _, d := range documents {
		all += len(d.Items)
	}
	first := len(documents[0].Items)
	hits, ofHit := 0, len(documents[1].Items)
	for _, one := range documents[1].Items {
		if strings.Contains(one.Action, "volumes") {
			hits++
		}
	}
	out := b.open(t, served(t, documents)+"/reader.html", "--window-size=1400,1000", "--virtual-time-budget=20000", "--dump-dom")
	found := regexp.MustCompile(`SEEN ([0-9 ]+) LATE ([0-9]+) MARKED ([0-9]+) END`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("the reader did not come to its end:\n%.2000s", out)
	}
	want := fmt.Sprint(0, 0, first, first, first+ofHit, hits, first+ofHit, 0, all, all, all)
	if got := string(found[1]); got != want || hits == 0 {
		t.Errorf("items are %s, want %s", got, want)
	}
	if late := string(found[2]); late == "0" || late != string(found[3]) {
		t.Errorf("%s are late, and %s are shown so", late, found[3])
	}
}

// TestIndexIsPrinted prints it: what is closed on the screen is open on paper.
func TestIndexIsPrinted(t *testing.T) {
	b := forTest(t)
	every := everyCase(t)
	for name, test := range map[string]struct {
		documents, pages int
	}{
		"few":  {24, 4},
		"many": {320, 40},
	} {
		if !every && name == "few" {
			continue
		}
		file := filepath.Join(t.TempDir(), "index.pdf")
		b.open(t, served(t, sample(test.documents, written))+"/index.html", "--print-to-pdf="+file, "--no-pdf-header-footer")
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pages := len(regexp.MustCompile(`/Type /Page\b`).FindAll(content, -1))
		t.Logf("%s: %d pages", name, pages)
		if pages < test.pages {
			t.Errorf("%s: %d pages are printed: the items of %d post-mortems are not on them", name, pages, test.documents)
		}
	}
}

// TestPicturesOfTheDocs makes them, or one of them for a sample; -update puts them
// into the docs.
func TestPicturesOfTheDocs(t *testing.T) {
	b := forTest(t)
	address := served(t, sample(24, written))
	all := *update || everyCase(t)
	for name, picture := range map[string]struct {
		size, fragment string
		flags          []string
		width          int
	}{
		"index-light.png": {"1200,900", "", lightFlags, 1200},
		"index-dark.png":  {"1200,900", "#state=late", darkFlags, 1200},
		"index-phone.png": {"390,844", "", lightFlags, 390},
	} {
		if !all && picture.fragment == "" {
			continue
		}
		file := filepath.Join(t.TempDir(), name)
		b.open(t, address+"/index.html"+picture.fragment, append(picture.flags, "--window-size="+picture.size, "--screenshot="+file)...)
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(content))
		if err != nil || config.Width != picture.width || len(content) < 20_000 || len(content) > 400_000 {
			t.Errorf("%s: %v, %d wide, %d bytes", name, err, config.Width, len(content))
		}
		if *update {
			if err := os.WriteFile(filepath.Join("..", "..", "docs", "images", name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stopwatch opens the page, uses it, and says how long that took by the browser's own
// clock, layout included.
const stopwatch = `<!doctype html><body><iframe src="/index.html" style="width: 1280px; height: 900px"></iframe><script>
addEventListener('load', () => {
  const win = document.querySelector('iframe').contentWindow, doc = win.document, clock = win.performance;
  const times = [clock.getEntriesByName('first-contentful-paint')[0].startTime, clock.getEntriesByType('navigation')[0].domComplete];
  for (const [id, value] of [['q', 'registry'], ['q', ''], ['state', 'person'], ['sort', 'age']]) {
    const began = clock.now();
    doc.getElementById(id).value = value;
    doc.getElementById(id).dispatchEvent(new win.Event('input', { bubbles: true }));
    doc.body.getBoundingClientRect();
    times.push(clock.now() - began);
  }
  document.title = 'TIMES ' + times.join(' ') + ' END';
});
</script>`

// BenchmarkOpen opens the index of 5,000 post-mortems with 22,000 items, and filters it.
func BenchmarkOpen(b *testing.B) {
	program := chromium(b)
	address := served(b, sample(5000, written))
	units := []string{"ms-to-paint", "ms-to-all", "ms-search", "ms-clear", "ms-state", "ms-sort"}
	sums := make([]float64, len(units))
	for b.Loop() {
		out := program.open(b, address+"/stopwatch.html", "--window-size=1400,1000", "--dump-dom")
		found := regexp.MustCompile(`TIMES ([0-9. ]+) END`).FindSubmatch(out)
		if found == nil {
			b.Fatalf("the page was not opened:\n%.500s", out)
		}
		for i, field := range strings.Fields(string(found[1])) {
			ms, err := strconv.ParseFloat(field, 64)
			if err != nil {
				b.Fatal(err)
			}
			sums[i] += ms
		}
	}
	for i, unit := range units {
		b.ReportMetric(sums[i]/float64(b.N), unit)
	}
}
