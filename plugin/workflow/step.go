package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Step is a step of a workflow of Woodpecker that runs this plugin, as far as
// its file tells.
type Step struct {
	Name      string
	Settings  map[string]string // texts, as Woodpecker hands them on
	Secrets   map[string]string // settings whose value only Woodpecker has, with the name of its secret
	Variables map[string]string // settings with a variable that only a pipeline has, with its name
	Matrix    map[string]string // the first of the combinations for which Woodpecker starts the step
	NoPlugin  []string          // keys beside the settings which make it a step that is no plugin
	SkipClone bool              // of its workflow
	workflow  conditions
	step      conditions
}

// ReadStep reads the step that runs this plugin. Known are the variables of the
// pipeline that somebody can tell before it runs.
func ReadStep(content []byte, known map[string]string) (Step, error) {
	matrix, err := firstOfMatrix(content)
	if err != nil {
		return Step{}, err
	}
	variables := maps.Clone(matrix)
	for name, value := range known {
		if _, given := variables[name]; !given {
			variables[name] = value
		}
	}
	var pairs []string
	for name, value := range variables {
		pairs = append(pairs, "${"+name+"}", value)
	}
	var file woodpeckerFile
	if err := yaml.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(string(content))), &file); err != nil {
		return Step{}, fmt.Errorf("it is no workflow of Woodpecker: %w", err)
	}
	steps := slices.DeleteFunc(file.steps(), func(s woodpeckerStep) bool { return !s.runsPlugin() })
	switch len(steps) {
	case 0:
		return Step{}, errors.New("no step runs pm-todos: neither is the image called so, nor are there settings that only pm-todos takes")
	case 1:
	default:
		return Step{}, fmt.Errorf("%d steps run pm-todos; keep one, since only one run at a time works on a repository", len(steps))
	}
	found := steps[0]
	s := Step{
		Name: found.Name, Settings: map[string]string{}, Secrets: map[string]string{}, Variables: map[string]string{}, Matrix: matrix,
		SkipClone: file.SkipClone, workflow: file.When, step: found.When,
	}
	for key, node := range map[string]yaml.Node{"commands": found.Commands, "environment": found.Environment} {
		if !node.IsZero() {
			s.NoPlugin = append(s.NoPlugin, key)
		}
	}
	slices.Sort(s.NoPlugin)
	return s, s.read(found.Settings)
}

// Meets reports whether Woodpecker starts the step on an event; of a push it
// looks at branch and files too.
func (s Step) Meets(event string, p Push) Answer {
	return min(s.workflow.meet(event, p), s.step.meet(event, p))
}

var variable = pattern.Lazy(`\$\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}`)

// read sorts the settings by what can be known of them.
func (s *Step) read(settings map[string]yaml.Node) error {
	for key, node := range settings {
		name := strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(key))
		var value any
		if err := node.Decode(&value); err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
		if secret := secretIn(value); secret != "" {
			s.Secrets[name] = secret
			continue
		}
		text, err := settingText(value)
		if err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
		literal := strings.ReplaceAll(text, "$${", "\x00")
		if m := variable().FindStringSubmatch(literal); m != nil {
			s.Variables[name] = m[1]
			continue
		}
		if text = strings.ReplaceAll(literal, "\x00", "${"); text != "" {
			s.Settings[name] = text
		}
	}
	return nil
}

// secretIn is the name of a secret that a value needs, "" for none.
func secretIn(value any) string {
	switch v := value.(type) {
	case map[string]any:
		if name, ok := v["from_secret"].(string); ok && len(v) == 1 {
			return name
		}
		for _, one := range v {
			if name := secretIn(one); name != "" {
				return name
			}
		}
	case []any:
		for _, one := range v {
			if name := secretIn(one); name != "" {
				return name
			}
		}
	}
	return ""
}

// settingText is a value as Woodpecker hands it on: a list of plain values is
// joined by commas, whatever has a map in it is JSON.
func settingText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case time.Time:
		return strconv.Quote(v.Format(time.RFC3339)), nil
	case []any:
		var parts []string
		for _, one := range v {
			part, err := settingText(one)
			if err != nil {
				return "", err
			}
			if _, nested := one.(map[string]any); nested {
				return asJSON(v)
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		return asJSON(v)
	}
	return "", fmt.Errorf("a value that Woodpecker cannot hand on: %v", value)
}

func asJSON(value any) (string, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("as JSON: %w", err)
	}
	return string(data), nil
}

// firstOfMatrix is the first combination of a workflow's matrix.
func firstOfMatrix(content []byte) (map[string]string, error) {
	var file struct {
		Matrix map[string]yaml.Node `yaml:"matrix"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, fmt.Errorf("it is no workflow of Woodpecker: %w", err)
	}
	first := map[string]string{}
	for name, node := range file.Matrix {
		if name == "include" {
			var combinations []map[string]string
			if err := node.Decode(&combinations); err != nil {
				return nil, fmt.Errorf("matrix.include: %w", err)
			}
			if len(combinations) > 0 {
				maps.Copy(first, combinations[0])
			}
			continue
		}
		var values texts
		if err := node.Decode(&values); err != nil {
			return nil, fmt.Errorf("matrix.%s: %w", name, err)
		}
		if len(values) > 0 {
			first[name] = values[0]
		}
	}
	return first, nil
}
