package report

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// untold are the fields that decide something elsewhere, and are no news.
var untold = map[string]string{
	".Redactor":          "takes out of what is told",
	".Outcomes.Final":    "decides whether the document gets a row",
	".Outcomes.Watched":  "is what Prometheus is asked for",
	".Outcomes.Briefly":  "is what Prometheus says in fewer words, for chats",
	".Outcomes.Unloaded": "decides what later runs do; the error says it",

	".Outcomes.Item.Approval": "its reason and state tell it",
	".Skipped.Item.Approval":  "its reason tells it",
	".Unclear.Item.Approval":  "nothing unclear has a lane",
	".Outcomes.Item.Incident": "what Prometheus says of it is told",
	".Skipped.Item.Incident":  "the document tells it",
	".Unclear.Item.Incident":  "the document tells it",
}

// TestEveryFieldOfARunIsTold empties the fields of a run's summary one by one:
// what summary.json is made of changes with each of them.
func TestEveryFieldOfARunIsTold(t *testing.T) {
	const hash = "abc1234def5678abc1234def5678abc1234def56"
	filled := func() Summary {
		s := hostile("word", 1, goodLinks)
		s.Started, s.Duration, s.Base, s.DocsCommit, s.Err = time.Unix(1e9, 0), time.Minute, hash, hash, errors.New("word")
		s.Known, s.Redactor = map[string]reason.Code{s.Skipped[0].Item.ID: s.Skipped[0].Reason}, &secret.Redactor{}
		s.Issues = map[ItemKey]int64{{s.Skipped[0].Item.Document, s.Skipped[0].Item.ID}: 7}
		words := func() string { return "words" }
		s.Skipped[0].Evidence, s.Unclear[0].Evidence = words, words
		s.Outcomes = s.Outcomes[:1]
		s.Outcomes[0].Duration, s.Outcomes[0].Unloaded = time.Minute, true
		s.Outcomes[0].State, s.Outcomes[0].Commit, s.Outcomes[0].Reason = item.Refused, hash, "replace"
		s.Outcomes[0].Journal, s.Outcomes[0].Final = "refs/pm-todos/journal/"+strings.Repeat("0", 64), true
		incident := item.Incident{Start: s.Started}
		s.Outcomes[0].Item.Incident, s.Skipped[0].Item.Incident, s.Unclear[0].Item.Incident = incident, incident, incident
		return s
	}
	encode := func(s Summary) []byte {
		content, err := Render(s).JSON()
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	whole := encode(filled())
	places(reflect.TypeFor[Summary](), "", func(place string) {
		s := filled()
		field := reflect.ValueOf(&s).Elem()
		for name := range strings.SplitSeq(strings.TrimPrefix(place, "."), ".") {
			if field.Kind() == reflect.Slice {
				field = field.Index(0)
			}
			field = field.FieldByName(name)
		}
		if field.IsZero() {
			t.Errorf("%s is not filled by this test", place)
		}
		field.SetZero()
		if told := !bytes.Equal(whole, encode(s)); told == (untold[place] != "") {
			t.Errorf("%s: told is %v, and what is said of it: %q", place, told, untold[place])
		}
	})
}

// places calls visit for every field of a struct, and of the structs below it.
func places(of reflect.Type, at string, visit func(place string)) {
	for i := range of.NumField() {
		field := of.Field(i)
		visit(at + "." + field.Name)
		below := field.Type
		if below.Kind() == reflect.Slice {
			below = below.Elem()
		}
		if below.Kind() == reflect.Struct && below != reflect.TypeFor[time.Time]() && below != reflect.TypeFor[item.Incident]() {
			places(below, at+"."+field.Name, visit)
		}
	}
}
