package terraform

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// The types below are the plan's JSON of Terraform 1.11, in its order.

type jsonPlan struct {
	FormatVersion   string               `json:"format_version"`
	Version         string               `json:"terraform_version"`
	PlannedValues   jsonValues           `json:"planned_values"`
	ResourceChanges []jsonResourceChange `json:"resource_changes,omitempty"`
	PriorState      *jsonState           `json:"prior_state,omitempty"`
	Configuration   jsonConfiguration    `json:"configuration"`
	Timestamp       string               `json:"timestamp"`
	Applyable       bool                 `json:"applyable"`
	Complete        bool                 `json:"complete"`
	Errored         bool                 `json:"errored"`
}

type jsonState struct {
	FormatVersion string     `json:"format_version"`
	Version       string     `json:"terraform_version,omitempty"`
	Values        jsonValues `json:"values,omitzero"`
}

type jsonValues struct {
	RootModule jsonModule `json:"root_module"`
}

type jsonModule struct {
	Resources []jsonResource `json:"resources,omitempty"`
}

type jsonHead struct {
	Address      string `json:"address"`
	Mode         string `json:"mode"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	ProviderName string `json:"provider_name"`
}

type jsonResource struct {
	jsonHead
	SchemaVersion   int             `json:"schema_version"`
	Values          json.RawMessage `json:"values"`
	SensitiveValues json.RawMessage `json:"sensitive_values"`
}

type jsonResourceChange struct {
	jsonHead
	Change       jsonChange `json:"change"`
	ActionReason string     `json:"action_reason,omitempty"`
}

type jsonChange struct {
	Actions         []string        `json:"actions"`
	Before          json.RawMessage `json:"before"`
	After           json.RawMessage `json:"after"`
	AfterUnknown    json.RawMessage `json:"after_unknown"`
	BeforeSensitive json.RawMessage `json:"before_sensitive"`
	AfterSensitive  json.RawMessage `json:"after_sensitive"`
	ReplacePaths    [][]string      `json:"replace_paths,omitempty"`
}

type jsonConfiguration struct {
	ProviderConfig map[string]map[string]string `json:"provider_config"`
	RootModule     struct {
		Resources []jsonConfigResource `json:"resources,omitempty"`
	} `json:"root_module"`
}

type jsonConfigResource struct {
	Address           string         `json:"address"`
	Mode              string         `json:"mode"`
	Type              string         `json:"type"`
	Name              string         `json:"name"`
	ProviderConfigKey string         `json:"provider_config_key"`
	Expressions       map[string]any `json:"expressions,omitempty"`
	SchemaVersion     int            `json:"schema_version"`
}

func headOf(resource tfResource) jsonHead {
	return jsonHead{Address: resource.address, Mode: "managed", Type: "terraform_data", Name: resource.name, ProviderName: tfProvider}
}

// showPlan renders a plan as `terraform show -json` prints it.
func showPlan(config *tfConfig, changes []tfChange, prior map[string]*tfObject, hasState bool) (json.RawMessage, error) {
	plan := jsonPlan{
		FormatVersion: "1.2", Version: Version,
		Timestamp: time.Now().UTC().Format(time.RFC3339), Complete: true,
		Configuration: configurationOf(config),
	}
	for _, change := range changes {
		rendered, err := changeOf(change)
		if err != nil {
			return nil, err
		}
		plan.ResourceChanges = append(plan.ResourceChanges, rendered)
		plan.Applyable = plan.Applyable || change.touches()
		if change.after != nil {
			planned, err := resourceOf(change.resource, change.after)
			if err != nil {
				return nil, err
			}
			plan.PlannedValues.RootModule.Resources = append(plan.PlannedValues.RootModule.Resources, planned)
		}
	}
	if hasState {
		state, err := stateOf(prior)
		if err != nil {
			return nil, err
		}
		plan.PriorState = &state
	}
	return json.Marshal(plan)
}

func stateOf(objects map[string]*tfObject) (jsonState, error) {
	state := jsonState{FormatVersion: "1.0", Version: Version}
	for _, address := range addresses(objects) {
		resource, err := resourceOf(tfResource{address: address, name: address[len("terraform_data."):]}, objects[address])
		if err != nil {
			return state, err
		}
		state.Values.RootModule.Resources = append(state.Values.RootModule.Resources, resource)
	}
	return state, nil
}

// showState renders the state as `terraform show` does.
func (t run) showState() (int, error) {
	config, err := loadConfig(t.dir)
	if err != nil {
		return 1, err
	}
	state, _, err := readState(t.statePath(config))
	if err != nil {
		return 1, err
	}
	objects, err := state.objects()
	if err != nil {
		return 1, err
	}
	rendered, err := stateOf(objects)
	if err != nil {
		return 1, err
	}
	encoder := json.NewEncoder(t.out)
	if !t.jsonOutput {
		encoder.SetIndent("", "  ")
	}
	return 0, encoder.Encode(rendered)
}

func changeOf(change tfChange) (jsonResourceChange, error) {
	before, after := change.before.value(), change.after.value()
	unknown := cty.EmptyObjectVal
	if !after.IsWhollyKnown() {
		unknown = unknownMarks(after)
	}
	out := jsonResourceChange{jsonHead: headOf(change.resource), ActionReason: change.reason}
	out.Change.Actions = change.actions
	if change.reason == "replace_because_cannot_update" {
		out.Change.ReplacePaths = [][]string{{"triggers_replace"}}
	}
	for target, value := range map[*json.RawMessage]cty.Value{
		&out.Change.Before: before, &out.Change.After: knownPart(after), &out.Change.AfterUnknown: unknown,
		&out.Change.BeforeSensitive: sensitiveMarks(before), &out.Change.AfterSensitive: sensitiveMarks(after),
	} {
		raw, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return out, fmt.Errorf("plan of %s: %w", change.resource.address, err)
		}
		*target = raw
	}
	return out, nil
}

func resourceOf(resource tfResource, object *tfObject) (jsonResource, error) {
	out := jsonResource{jsonHead: headOf(resource)}
	for target, value := range map[*json.RawMessage]cty.Value{
		&out.Values: knownPart(object.value()), &out.SensitiveValues: sensitiveMarks(object.value()),
	} {
		raw, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return out, fmt.Errorf("values of %s: %w", resource.address, err)
		}
		*target = raw
	}
	return out, nil
}

func configurationOf(config *tfConfig) jsonConfiguration {
	out := jsonConfiguration{ProviderConfig: map[string]map[string]string{}}
	for _, address := range addresses(config.resources) {
		out.ProviderConfig["terraform"] = map[string]string{"name": "terraform", "full_name": tfProvider}
		resource := config.resources[address]
		expressions := map[string]any{}
		for name, value := range map[string]cty.Value{"input": resource.input, "triggers_replace": resource.triggers} {
			switch {
			case !value.IsWhollyKnown():
				expressions[name] = map[string]any{}
			case !value.IsNull():
				expressions[name] = map[string]any{"constant_value": ctyjson.SimpleJSONValue{Value: value}}
			}
		}
		out.RootModule.Resources = append(out.RootModule.Resources, jsonConfigResource{
			Address: address, Mode: "managed", Type: "terraform_data", Name: resource.name, ProviderConfigKey: "terraform", Expressions: expressions,
		})
	}
	return out
}

// knownPart leaves out what is unknown: keys of objects go, elements of lists
// become null so that the others keep their places.
func knownPart(v cty.Value) cty.Value {
	switch {
	case !v.IsKnown():
		return cty.NilVal
	case v.IsNull() || !v.CanIterateElements():
		return v
	case v.Type().IsObjectType():
		known := map[string]cty.Value{}
		for name, element := range v.AsValueMap() {
			if part := knownPart(element); part != cty.NilVal {
				known[name] = part
			}
		}
		return cty.ObjectVal(known)
	}
	var parts []cty.Value
	for _, element := range v.AsValueSlice() {
		part := knownPart(element)
		if part == cty.NilVal {
			part = cty.NullVal(cty.DynamicPseudoType)
		}
		parts = append(parts, part)
	}
	return cty.TupleVal(parts)
}

// unknownMarks is true where a value is unknown.
func unknownMarks(v cty.Value) cty.Value {
	return marksOf(v, func(v cty.Value) (cty.Value, bool) { return cty.True, !v.IsKnown() })
}

// sensitiveMarks is false everywhere, in the shape of the value, since nothing
// here is sensitive.
func sensitiveMarks(v cty.Value) cty.Value {
	return marksOf(v, func(v cty.Value) (cty.Value, bool) {
		switch {
		case v.IsKnown():
			return cty.NilVal, false
		case v.Type().IsObjectType():
			return cty.EmptyObjectVal, true
		case v.Type().IsTupleType():
			return cty.EmptyTupleVal, true
		}
		return cty.False, true
	})
}

// marksOf builds the compact trees of booleans that Terraform prints: false
// keys of objects are left out, lists are complete.
func marksOf(v cty.Value, leaf func(cty.Value) (cty.Value, bool)) cty.Value {
	if mark, ok := leaf(v); ok {
		return mark
	}
	switch {
	case v.IsNull() || !v.CanIterateElements():
		return cty.False
	case v.Type().IsObjectType():
		marks := map[string]cty.Value{}
		for name, element := range v.AsValueMap() {
			if mark := marksOf(element, leaf); !mark.RawEquals(cty.False) {
				marks[name] = mark
			}
		}
		return cty.ObjectVal(marks)
	}
	var marks []cty.Value
	for element := range slices.Values(v.AsValueSlice()) {
		marks = append(marks, marksOf(element, leaf))
	}
	return cty.TupleVal(marks)
}
