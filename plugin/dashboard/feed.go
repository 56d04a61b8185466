package dashboard

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// mostEntries are in the feed, the newest.
const mostEntries = 100

// atomFeed is as much of Atom (RFC 4287) as is needed.
type atomFeed struct {
	XMLName   xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Updated   string   `xml:"updated"`
	Generator string   `xml:"generator"`
	Author    string   `xml:"author>name"`
	Links     []atomLink
	Entries   []atomEntry
}

type atomLink struct {
	XMLName xml.Name `xml:"link"`
	Rel     string   `xml:"rel,attr"`
	Href    string   `xml:"href,attr"`
}

type atomEntry struct {
	XMLName xml.Name `xml:"entry"`
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink
	Summary string `xml:"summary"`
}

// news are what the feed says of an item, by its state. Who reads it hears of an item
// when it is opened, proposed and done.
var news = map[State]string{
	Automatic: "Open", Approval: "Open", Person: "Open", Proposed: "Proposed", Done: "Done",
}

// feed is the board as an Atom feed.
func (b board) feed(page string) ([]byte, error) {
	_, own := Beside(path.Base(page))
	feed := atomFeed{
		ID: b.ID, Title: "Follow-ups of post-mortems", Updated: b.Written.Format(time.RFC3339), Generator: generator, Author: "pm-todos",
		Links: []atomLink{{Rel: "self", Href: own}, {Rel: "alternate", Href: path.Base(page)}},
	}
	for _, d := range b.Documents {
		for _, one := range d.Items {
			if kind := news[one.State]; kind != "" && one.Changed != "" {
				feed.Entries = append(feed.Entries, b.entry(d, one, kind))
			}
		}
	}
	slices.SortStableFunc(feed.Entries, func(x, y atomEntry) int { return cmp.Compare(y.Updated, x.Updated) })
	feed.Entries = feed.Entries[:min(len(feed.Entries), mostEntries)]
	content, err := xml.MarshalIndent(feed, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode the feed: %w", err)
	}
	return append([]byte(xml.Header), append(content, '\n')...), nil
}

func (b board) entry(d Document, one Item, kind string) atomEntry {
	said := []string{d.Title, strings.TrimSpace(one.Priority + " " + one.Type)}
	if one.State.Open() && one.Why != "" {
		said = append(said, one.Why)
	}
	if one.State == Done {
		said = append(said, "by "+one.By)
	}
	return atomEntry{
		ID: uuid(b.ID, d.File, one.ID, kind), Title: kind + ": " + one.Action, Updated: one.Changed + "T00:00:00Z",
		Link: atomLink{Rel: "alternate", Href: d.Link}, Summary: text.Capital(strings.Join(said, " · ")),
	}
}

// isFeed reports whether a file is the feed that Write wrote, of any version.
func isFeed(content []byte) bool {
	var feed struct {
		Generator string `xml:"generator"`
	}
	decoder := xml.NewDecoder(bytes.NewReader(content))
	return decoder.Decode(&feed) == nil && feed.Generator == generator
}
