package report

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// drawSummary is any run: some texts are hostile ones, lists are short or long,
// most values are there or not.
func drawSummary(t *rapid.T) Summary {
	// By name: a failure prints what was drawn.
	names := slices.Sorted(maps.Keys(payloads))
	hostile := rapid.Custom(func(t *rapid.T) string { return payloads[rapid.SampledFrom(names).Draw(t, "payload")] })
	text := rapid.OneOf(hostile, rapid.StringN(0, 60, 400), rapid.Just(""), rapid.SampledFrom([]string{fixCommit, "docs/post-mortems/2026-04-14-nfs.md"}))
	var s Summary
	drawInto(t, reflect.ValueOf(&s).Elem(), text)
	s.Redactor, s.Exit = nil, rapid.SampledFrom([]fault.Kind{fault.None, fault.Temporary, fault.Failed, fault.Person}).Draw(t, "exit")
	s.Sandboxed = rapid.SampledFrom([]string{"", "yes", "no"}).Draw(t, "sandboxed")
	states := rapid.SampledFrom([]item.State{
		item.Done, item.Proposed, item.Refused, item.Failed, item.Skipped, item.NotAttempted, item.NeedsPerson,
	})
	for i := range s.Outcomes {
		s.Outcomes[i].State = states.Draw(t, "state")
	}
	if rapid.Bool().Draw(t, "good links") {
		s.Links, s.PipelineURL = goodLinks, "https://ci.example.org/42"
	}
	return s
}

func drawInto(t *rapid.T, v reflect.Value, text *rapid.Generator[string]) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text.Draw(t, "text"))
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			drawInto(t, v.Field(i), text)
		}
	case reflect.Slice:
		n := rapid.SampledFrom([]int{0, 1, 3, 12}).Draw(t, "n")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			drawInto(t, v.Index(i), text)
		}
	case reflect.Interface:
		if rapid.Bool().Draw(t, "error") {
			v.Set(reflect.ValueOf(fmt.Errorf("%s", text.Draw(t, "error text"))))
		}
	case reflect.Func:
		evidence := text.Draw(t, "evidence")
		v.Set(reflect.ValueOf(func() string { return evidence }))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(0, 1<<40).Draw(t, "number"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "amount"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "yes"))
	}
}

func TestThreat11_AnyRunKeepsTextsApartAndShort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSummary(t)
		var items []item.Item
		for _, outcome := range s.Outcomes {
			items = append(items, outcome.Item)
		}
		v := Render(s)
		for _, m := range []Message{v.Result(), v.Glance(), v.Details(), Started(s, Start{Items: items, Limit: 5, Merged: items, Doubtful: true})} {
			for _, part := range m.Parts {
				checkPart(t, part)
			}
		}
	})
}
