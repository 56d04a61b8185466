package fake

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
)

// plan is a saved plan.
type plan struct {
	stack  string
	space  *checkout // that keeps it
	sha256 string
	serial int
	wanted map[string]string // resources once it is applied
	show   []byte
}

// plan compares what a stack's files say with what it is in production.
func (w *World) plan(stack string, files map[string]string) (*plan, error) {
	s := w.Stack(stack)
	if s.Locked {
		return nil, fault.Mark(fault.Temporary, host.ErrStateLock)
	}
	wanted, err := resources(stack, files)
	if err != nil {
		return nil, fault.Mark(fault.Failed, &host.CommandError{Step: "plan", Code: 1, Output: "Error: " + err.Error()})
	}
	show, err := json.Marshal(shown(s.Resources, wanted, s.Replaces))
	if err != nil {
		return nil, err
	}
	w.clock++ // no two plan files are the same
	sum := hashOf([]any{stack, wanted, s.serial, w.clock})
	return &plan{stack: stack, sha256: sum + sum[:24], serial: s.serial, wanted: wanted, show: show}, nil
}

// resources are the terraform_data blocks of a folder, with the JSON of their
// input by address. Local values hold no others.
func resources(stack string, files map[string]string) (map[string]string, error) {
	found := map[string]string{}
	var declared []*hclsyntax.Block
	locals := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Dir(name) != stack || path.Ext(name) != ".tf" {
			continue
		}
		file, problems := hclsyntax.ParseConfig([]byte(files[name]), name, hcl.InitialPos)
		if problems.HasErrors() {
			return nil, problems
		}
		body, _ := file.Body.(*hclsyntax.Body) // nothing else comes of this syntax
		for _, block := range body.Blocks {
			switch {
			case block.Type == "locals":
				for key, local := range block.Body.Attributes {
					if locals[key], problems = local.Expr.Value(nil); problems.HasErrors() {
						return nil, problems
					}
				}
			case block.Type == "resource" && block.Labels[0] == "terraform_data":
				declared = append(declared, block)
			default:
				return nil, fmt.Errorf("%s: a block %s is not known here", name, block.Type)
			}
		}
	}
	scope := &hcl.EvalContext{Variables: map[string]cty.Value{"local": cty.ObjectVal(locals)}}
	for _, block := range declared {
		value, problems := block.Body.Attributes["input"].Expr.Value(scope)
		if problems.HasErrors() {
			return nil, problems
		}
		encoded, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return nil, err
		}
		found[strings.Join(block.Labels, ".")] = string(encoded)
	}
	return found, nil
}

type object = map[string]any

const provider = "terraform.io/builtin/terraform"

// shown is a plan as `terraform show -json` prints it.
func shown(before, after map[string]string, replaces bool) object {
	all := maps.Clone(before)
	maps.Copy(all, after)
	var differences, planned, prior, configured []object
	applyable := false
	for _, address := range slices.Sorted(maps.Keys(all)) {
		was, had := before[address]
		is, has := after[address]
		head := object{
			"address": address, "mode": "managed", "type": "terraform_data", "name": strings.TrimPrefix(address, "terraform_data."), "provider_name": provider,
		}
		unknown := object{}
		actions := []string{"no-op"}
		switch {
		case !had:
			actions, unknown = []string{"create"}, object{"id": true, "output": true}
		case !has:
			actions = []string{"delete"}
		case was != is && replaces:
			actions, unknown = []string{"delete", "create"}, object{"id": true, "output": true}
		case was != is:
			actions, unknown = []string{"update"}, object{"output": true}
		}
		applyable = applyable || actions[0] != "no-op"
		differences = append(differences, with(head, object{"change": object{
			"actions": actions, "before": values(was, had, nil), "after": values(is, has, unknown), "after_unknown": unknown,
			"before_sensitive": object{}, "after_sensitive": object{},
		}}))
		if had {
			prior = append(prior, with(head, object{"schema_version": 0, "values": values(was, true, nil), "sensitive_values": object{}}))
		}
		if has {
			planned = append(planned, with(head, object{"schema_version": 0, "values": values(is, true, unknown), "sensitive_values": object{}}))
			configured = append(configured, object{
				"address": address, "mode": "managed", "type": "terraform_data", "name": head["name"], "provider_config_key": "terraform",
				"schema_version": 0, "expressions": object{"input": object{"constant_value": json.RawMessage(is)}},
			})
		}
	}
	return object{
		"format_version": "1.2", "terraform_version": "1.11.4", "complete": true, "errored": false, "applyable": applyable,
		"timestamp":        "2026-01-01T00:00:00Z",
		"planned_values":   object{"root_module": object{"resources": planned}},
		"resource_changes": differences,
		"prior_state": object{
			"format_version": "1.0", "terraform_version": "1.11.4", "values": object{"root_module": object{"resources": prior}},
		},
		"configuration": object{
			"provider_config": object{"terraform": object{"name": "terraform", "full_name": provider}},
			"root_module":     object{"resources": configured},
		},
	}
}

func with(head, more object) object {
	all := maps.Clone(head)
	maps.Copy(all, more)
	return all
}

// values are the attributes of a resource, but for those that are not known.
func values(input string, exists bool, unknown object) any {
	if !exists {
		return nil
	}
	all := object{"id": "id", "input": json.RawMessage(input), "output": json.RawMessage(input), "triggers_replace": nil}
	maps.DeleteFunc(all, func(name string, _ any) bool { return unknown[name] != nil })
	return all
}

// Applied has a stack be in production what its files say.
func Applied(w *World, stack string, files map[string]string) {
	found, err := resources(stack, files)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Stack(stack).Resources = found
}

// Resources are those that a commit has in a stack.
func Resources(w *World, stack, commit string) map[string]string {
	found, err := resources(stack, w.trees[w.commits[commit].Tree])
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// Input is what a resource of a file is made of.
func Input(w *World, file, content, address string) string {
	found, err := resources(path.Dir(file), map[string]string{file: content})
	if err != nil {
		w.t.Fatal(err)
	}
	return found[address]
}

// Stack is a folder that is planned on its own, as it is in production.
type Stack struct {
	Resources map[string]string // input by address, as JSON
	serial    int
	Locked    bool    // by somebody else
	Replaces  bool    // its provider cannot change what exists, and makes it anew
	Applies   []Apply // that changed it, by runs of the program
}

// Apply is one apply of the program.
type Apply struct{ Commit, SHA256 string }

// Stack is a stack in production.
func (w *World) Stack(name string) *Stack {
	if w.stacks[name] == nil {
		w.stacks[name] = &Stack{Resources: map[string]string{}}
	}
	return w.stacks[name]
}

// Touch is somebody else who applies, and changes nothing that a plan shows.
func (s *Stack) Touch() { s.serial++ }

// apply changes a stack as planned, or as far as it comes.
func (w *World) apply(a *applying, p *plan, how How) {
	s := w.Stack(p.stack)
	switch {
	case s.Locked:
		a.Ended, a.Code, a.Output = true, 1, "Error: Error acquiring the state lock"
		return
	case s.serial != p.serial:
		a.Ended, a.Code, a.Output = true, 1, "Error: Saved plan is stale"
		return
	}
	s.serial++
	s.Applies = append(s.Applies, Apply{a.Commit, a.SHA256})
	if a.ends = time.Now().Add(w.ApplyTakes); how == Breaks {
		// As behind a wrapper that tries once more: the second try says what would
		// prove that nothing was applied.
		a.Ended, a.Code, a.Progress, a.Output = true, 1, true, "Error: Saved plan is stale"
		return
	}
	if how != Leaves {
		s.Resources = maps.Clone(p.wanted)
	}
	if a.Progress = true; how == Halts {
		a.Unknown = true
		return
	}
	a.Ended = true
}

// Show is the plan of a stack that has these resources, with the JSON of their inputs
// by address, and is to have those.
func Show(has, wants map[string]string) ([]byte, error) {
	return json.Marshal(shown(has, wants, false))
}

// ResourcesOf are those that the files of a stack say, by path.
func ResourcesOf(stack string, files map[string]string) (map[string]string, error) {
	return resources(stack, files)
}
