package dashboard

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/jsonschema"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/target"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Version is that of the JSON. It grows when a field changes its meaning or goes
// away; new fields do not change it.
const Version = 1

// generator tells what may be written again from what people wrote.
const generator = "pm-todos index"

// board is all that the page, the JSON and the feed show.
type board struct {
	Schema    int        `json:"schema" doc:"Version of this format."`
	Generator string     `json:"generator" doc:"Always pm-todos index."`
	ID        string     `json:"id" doc:"Names this board in its feed."`
	Written   time.Time  `json:"written" doc:"When something on it changed for the last time."`
	Totals    Totals     `json:"totals" doc:"Sums over all documents."`
	Documents []Document `json:"documents" doc:"All post-mortems, newest first."`
}

// Totals are sums over all documents.
type Totals struct {
	Documents int    `json:"documents" doc:"Post-mortems."`
	Open      int    `json:"open" doc:"Items that wait to be done."`
	Person    int    `json:"person" doc:"Of the open ones, those that need a person."`
	Approval  int    `json:"approval" doc:"Of the open ones, those that may be proposed, or are."`
	Done      int    `json:"done" doc:"Items that are done."`
	Program   int    `json:"program" doc:"Of these, those that pm-todos implemented."`
	Unclear   int    `json:"unclear" doc:"Items of which nobody can tell whether they are open."`
	Late      int    `json:"late" doc:"Open items that had passed their target when this was written."`
	Oldest    string `json:"oldest" doc:"YYYY-MM-DD of the oldest open item, or empty."`
}

// Files are a page and what stands beside it.
type Files struct {
	Page, JSON, Feed []byte
}

// File is one of the files, and where it is kept.
type File struct {
	Path    string
	Content *[]byte
}

// At are the files of a page that is kept there, the page first.
func (f *Files) At(page string) [3]File {
	data, feed := Beside(page)
	return [3]File{{page, &f.Page}, {data, &f.JSON}, {feed, &f.Feed}}
}

// Beside are the paths of the JSON and of the feed of a page.
func Beside(page string) (json, feed string) {
	base := strings.TrimSuffix(page, path.Ext(page))
	return base + ".json", base + ".atom"
}

// Write renders documents into a page and what stands beside it. page is its own
// path, from which the links lead to the documents. While nothing else differs from
// what is there, the time of writing stays as it was, and so does every byte.
func Write(page string, documents []Document, targets target.Targets, present Files, now time.Time) (Files, error) {
	before := Recall(present.JSON)
	if !before.written.IsZero() {
		same, err := render(page, newBoard(page, documents, before.id, before.written), targets)
		if err != nil || bytes.Equal(same.Page, present.Page) && bytes.Equal(same.JSON, present.JSON) && bytes.Equal(same.Feed, present.Feed) {
			return same, err
		}
	}
	return render(page, newBoard(page, documents, before.id, now.UTC().Truncate(time.Second)), targets)
}

func render(page string, b board, targets target.Targets) (files Files, err error) {
	if files.Page, err = b.page(page, targets); err != nil {
		return files, err
	}
	if files.JSON, err = encode(b); err != nil {
		return files, err
	}
	files.Feed, err = b.feed(page)
	return files, err
}

func newBoard(page string, documents []Document, id string, written time.Time) board {
	b := board{Schema: Version, Generator: generator, ID: id, Written: written, Documents: slices.Clone(documents)}
	for i := range b.Documents {
		d := &b.Documents[i]
		d.Link = relativeLink(page, cmp.Or(d.path, d.File))
		d.Title = cmp.Or(shortTitle(d.Title), text.Line(path.Base(d.File), maxTitle))
		b.Totals.add(d, written)
	}
	slices.SortFunc(b.Documents, func(x, y Document) int {
		return cmp.Or(cmp.Compare(y.Date, x.Date), cmp.Compare(x.File, y.File))
	})
	if b.ID == "" {
		b.ID = uuid(page)
		if last := len(b.Documents) - 1; last >= 0 {
			b.ID = uuid(page, b.Documents[last].File, b.Documents[last].Title)
		}
	}
	return b
}

func (t *Totals) add(d *Document, now time.Time) {
	t.Documents++
	for _, one := range d.Items {
		switch {
		case one.State.Open():
			t.Open++
			if one.Opened != "" && (t.Oldest == "" || one.Opened < t.Oldest) {
				t.Oldest = one.Opened
			}
			if one.late(now) {
				t.Late++
			}
		case one.State == Done:
			t.Done++
		case one.State == Unclear:
			t.Unclear++
		}
		switch {
		case one.State == Person:
			t.Person++
		case one.State == Approval || one.State == Proposed:
			t.Approval++
		case one.By == ByProgram:
			t.Program++
		}
	}
}

// late reports whether an open item had passed its target at a time.
func (i Item) late(now time.Time) bool {
	return i.Target != "" && i.State.Open() && i.Target < now.Format(time.DateOnly)
}

// sayingSo is what many titles begin with, on a page where it goes without
// saying.
var sayingSo = pattern.Lazy(`(?i)^(?:incident )?post[- ]?mortem(?: report)?\s*[:：|–—-]\s*`)

func shortTitle(title string) string {
	return text.Cut(cmp.Or(sayingSo().ReplaceAllString(title, ""), title), maxTitle)
}

// uuid is a UUID of version 8 (RFC 9562) that is the same for the same parts.
func uuid(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// Schema is the JSON Schema of the JSON.
func Schema() ([]byte, error) {
	return encode(jsonschema.Of[board]("index.json of pm-todos",
		"All post-mortems and what became of their follow-up items. Texts from documents are cleaned and cut, and still not to be trusted.", Version))
}

func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("encode the index: %w", err)
	}
	return b.Bytes(), nil
}

// Recorded is what an earlier JSON says: what a document alone does not say, such as
// when somebody closed an item. Anybody who may push can write there, and it decides
// nothing but dates on the page. The zero value says nothing.
type Recorded struct {
	id      string
	written time.Time
	items   map[record.Ref]Item
}

// Recall reads an earlier JSON. What is none of ours says nothing.
func Recall(content []byte) Recorded {
	var b board
	if err := json.Unmarshal(content, &b); err != nil || b.Generator != generator || b.Schema != Version {
		return Recorded{}
	}
	r := Recorded{id: text.Line(b.ID, 64), written: b.Written, items: map[record.Ref]Item{}}
	for _, d := range b.Documents {
		for _, one := range d.Items {
			one.Closed, one.Changed = validDate(one.Closed), validDate(one.Changed)
			r.items[record.Ref{Document: d.File, Item: one.ID}] = one
		}
	}
	return r
}

// changed is since when an item has its state.
func (r Recorded) changed(ref record.Ref, now Item, today time.Time) string {
	before, known := r.items[ref]
	switch {
	case known && before.State == now.State:
		return before.Changed
	case r.items != nil:
		return today.Format(time.DateOnly)
	default:
		return cmp.Or(now.Closed, now.Opened)
	}
}

// IsOwn reports whether a file is a page, a JSON or a feed that Write wrote, of any
// version.
func IsOwn(content []byte) bool { return isPage(content) || isJSON(content) || isFeed(content) }

// isJSON reports whether a file is the JSON that Write wrote, of any version.
func isJSON(content []byte) bool {
	var b struct {
		Generator string `json:"generator"`
	}
	return json.Unmarshal(content, &b) == nil && b.Generator == generator
}
