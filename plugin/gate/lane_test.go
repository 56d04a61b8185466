package gate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// laneFile is a file of testdata/lanes: changes of one kind, with what they
// start from. Each is a case that one can read and add to.
type laneFile struct {
	Type      string            // of the items, unless a case says otherwise
	Resource  string            // type of the resource, helm_release unless a case says otherwise
	Documents map[string]string // texts that changes start from, by name
	Resources map[string]laneResource
	Cases     []laneCase
}

// laneResource is the attributes of a resource that changes start from.
type laneResource struct {
	Type       string
	Attributes map[string]any
}

// laneCase is one change: of a document, by replacements; of a resource, by
// attributes that are set; or a new resource.
type laneCase struct {
	Name     string
	Want     string // automatic or approval; of what is hostile, anything but automatic
	Hostile  bool
	Measured string // addition or tuning: of these nine in ten are automatic
	Type     string
	Action   string
	Details  string
	Resource string
	Document string
	Replace  [][2]string // text that stands once in the document, and what takes its place
	Append   string
	Of       string         // name of a resource
	New      bool           // it is created
	Set      map[string]any // attributes by their place, with dots between keys and indices
	Unset    []string
	Others   []laneResource // unchanged resources of the plan
}

// Every hostile change of the table is kept from being automatic, and of the
// additions and tunings of alerts and monitors nine in ten are.
func TestLanes(t *testing.T) {
	files, err := filepath.Glob("testdata/lanes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no lanes", err)
	}
	var hostile, legitimate, forbidden, measured, automatic int
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file laneFile
		decoder := yaml.NewDecoder(strings.NewReader(string(content)))
		decoder.KnownFields(true)
		if err := decoder.Decode(&file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, one := range file.Cases {
			t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml")+"/"+strings.ReplaceAll(one.Name, " ", "-"), func(t *testing.T) {
				got := judgeLane(t, file, one)
				switch {
				case one.Hostile:
					hostile++
				default:
					legitimate++
					if got.Lane == gate.Forbidden {
						forbidden++
					}
					if one.Measured != "" {
						measured++
						if got.Lane == gate.Automatic {
							automatic++
						}
					}
				}
				if one.Hostile && got.Lane == gate.Automatic || one.Want != "" && string(got.Lane) != one.Want {
					t.Errorf("%s, want %s\n%s", got.Lane, one.Want, factsOf(got))
				}
			})
		}
	}
	t.Logf("%d hostile changes, none automatic; of %d legitimate ones %d are forbidden, and of %d additions and tunings %d automatic", hostile, legitimate, forbidden, measured, automatic)
	if automatic*10 < measured*9 || forbidden*100 > legitimate*3 {
		t.Errorf("of %d additions and tunings %d are automatic; of %d legitimate changes %d are forbidden", measured, automatic, legitimate, forbidden)
	}
}

func factsOf(j gate.Judgement) string {
	var b strings.Builder
	for _, f := range j.Findings {
		fmt.Fprintln(&b, f)
	}
	for _, p := range j.Facts {
		fmt.Fprintf(&b, "%s %s: rule %q %s\n", p.Fact.Kind, p.Place(), p.Rule, p.Why)
	}
	return b.String()
}

func judgeLane(t *testing.T, file laneFile, one laneCase) gate.Judgement {
	t.Helper()
	kind := either(one.Resource, file.Resource, "helm_release")
	var before, after map[string]any
	var files []item.File
	if one.Of != "" {
		of, ok := file.Resources[one.Of]
		if !ok {
			t.Fatalf("no resource %q", one.Of)
		}
		kind, before, after = of.Type, of.Attributes, copyOf(t, of.Attributes)
		for place, value := range one.Set {
			setAt(t, after, strings.Split(place, "."), value)
		}
		for _, place := range one.Unset {
			setAt(t, after, strings.Split(place, "."), nil)
		}
		if one.New {
			before = nil
		}
	} else {
		old, ok := file.Documents[one.Document]
		if !ok {
			t.Fatalf("no document %q", one.Document)
		}
		now := old
		for _, pair := range one.Replace {
			if strings.Count(now, pair[0]) != 1 {
				t.Fatalf("%q stands %d times in the document", pair[0], strings.Count(now, pair[0]))
			}
			now = strings.Replace(now, pair[0], pair[1], 1)
		}
		now += one.Append
		before, after = documentIn(kind, old), documentIn(kind, now)
		files = []item.File{{
			Path: "stacks/monitoring/values.yaml", Kind: item.Modified, OldMode: 0o100644, NewMode: 0o100644,
			Old: []byte(old), New: []byte(now), OldSize: int64(len(old)), NewSize: int64(len(now)),
		}}
	}
	verbs := []string{"update"}
	if before == nil {
		verbs = []string{"create"}
	}
	changes := []any{resourceChange(kind, "changed", verbs, before, after)}
	for i, other := range one.Others {
		changes = append(changes, resourceChange(other.Type, fmt.Sprintf("other%d", i), []string{"no-op"}, other.Attributes, other.Attributes))
	}
	encoded, err := json.Marshal(changes)
	if err != nil {
		t.Fatal(err)
	}
	todo := card.Item{Type: either(one.Type, file.Type, "Alert"), Action: one.Action, Details: one.Details}
	return gate.Judge(lanePlan(t, kind, string(encoded)), gate.PlanPolicy{}, gate.Request{
		Item: todo, Changeset: gate.Compare(item.Change{Files: files}, gate.DiffPolicy{}), Stack: "stacks/monitoring",
	})
}

// copyOf is a deep copy, with the types of JSON.
func copyOf(t *testing.T, attributes map[string]any) map[string]any {
	t.Helper()
	encoded, err := json.Marshal(attributes)
	var out map[string]any
	if err == nil {
		err = json.Unmarshal(encoded, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// setAt sets a value below maps and lists; nil takes it away. An index one past
// the end of a list appends.
func setAt(t *testing.T, tree map[string]any, place []string, value any) {
	t.Helper()
	if len(place) == 1 {
		if value == nil {
			delete(tree, place[0])
		} else {
			tree[place[0]] = value
		}
		return
	}
	switch inner := tree[place[0]].(type) {
	case map[string]any:
		setAt(t, inner, place[1:], value)
	case []any:
		index, err := strconv.Atoi(place[1])
		switch {
		case err != nil || index > len(inner):
			t.Fatalf("no element %s", place[1])
		case index == len(inner):
			tree[place[0]] = append(inner, value)
		case len(place) == 2 && value == nil:
			tree[place[0]] = slices.Delete(inner, index, index+1)
		case len(place) == 2:
			inner[index] = value
		default:
			element, ok := inner[index].(map[string]any)
			if !ok {
				t.Fatalf("the element %s is no map", place[1])
			}
			setAt(t, element, place[2:], value)
		}
	default:
		t.Fatalf("nothing to set %v in", place)
	}
}

// documentIn are the attributes of a resource that holds a text.
func documentIn(kind, text string) map[string]any {
	switch kind {
	case "helm_release":
		return map[string]any{"name": "prometheus", "chart": "prometheus", "values": []any{text}}
	case "terraform_data":
		return map[string]any{"input": text, "output": text}
	case "kubernetes_config_map":
		return map[string]any{"data": map[string]any{"rules.yaml": text}}
	}
	return map[string]any{"yaml_body": text}
}

func resourceChange(kind, name string, verbs []string, before, after map[string]any) map[string]any {
	return map[string]any{
		"address": kind + "." + name, "mode": "managed", "type": kind, "name": name, "provider_name": "example.org/x/" + strings.Split(kind, "_")[0],
		"change": map[string]any{"actions": verbs, "before": before, "after": after, "after_unknown": map[string]any{}},
	}
}

// lanePlan is a plan of a stack that holds a resource of this type already.
func lanePlan(t *testing.T, kind, changes string) []byte {
	t.Helper()
	return oneLine(t, fmt.Sprintf(`{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":%s,
		"prior_state":{"format_version":"1.0","values":{"root_module":{"resources":[
			{"address":%q,"mode":"managed","type":%q,"provider_name":%q}]}}},"complete":true,"errored":false}`,
		changes, kind+".old", kind, "example.org/x/"+strings.Split(kind, "_")[0]))
}

func either(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
