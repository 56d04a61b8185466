package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// source is one *.tf file, as far as the stand-in knows it.
type source struct {
	Settings []struct {
		Version  string    `hcl:"required_version,optional"`
		Backends []backend `hcl:"backend,block"`
	} `hcl:"terraform,block"`
	Locals []struct {
		Values hcl.Attributes `hcl:",remain"`
	} `hcl:"locals,block"`
	Resources []resource `hcl:"resource,block"`
}

type backend struct {
	Type string `hcl:"type,label"`
	Path string `hcl:"path,optional"` // as written
}

// resource is one terraform_data block.
type resource struct {
	Type      string         `hcl:"type,label"`
	Name      string         `hcl:"name,label"`
	Input     hcl.Expression `hcl:"input,optional"`
	Triggers  hcl.Expression `hcl:"triggers_replace,optional"`
	DependsOn hcl.Expression `hcl:"depends_on,optional"`
	Lifecycle *struct {
		PreventDestroy bool `hcl:"prevent_destroy,optional"`
	} `hcl:"lifecycle,block"`
	Range hcl.Range `hcl:",def_range"`

	input, triggers json.RawMessage     // as the state keeps them
	references      map[string][]string // local values by argument
}

// place is the file and the line of the block.
func (r *resource) place() string {
	return fmt.Sprintf("%s line %d", r.Range.Filename, r.Range.Start.Line)
}

// config is the *.tf files of one folder.
type config struct {
	files     map[string]string // content by name
	backend   *backend          // nil for none
	resources map[string]*resource
}

// errSupport goes with every complaint about a configuration, since it may be
// right for the real program.
const errSupport = "The stand-in Terraform understands terraform_data resources with literal and local values and the local backend."

// later stands, while planning, for what timestamp() will be: a text that holds it
// is unknown.
const later = "stand-in: known after apply"

// loadConfig reads the configuration of a folder for planning.
func loadConfig(dir string) (*config, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, failure("Failed to read file", "%w", err)
		}
		files[filepath.Base(name)] = string(content)
	}
	if len(files) == 0 {
		return nil, failure("No configuration files", "This command needs a folder with *.tf files.")
	}
	return parseConfig(files, later)
}

// parseConfig reads a configuration in which timestamp() has this value: later for
// plans, the present time for applies.
func parseConfig(files map[string]string, timestamp string) (*config, error) {
	c := &config{files: files, resources: map[string]*resource{}}
	scope := &hcl.EvalContext{Functions: map[string]function.Function{
		"timestamp": function.New(&function.Spec{
			Type: function.StaticReturnType(cty.String),
			Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return cty.StringVal(timestamp), nil },
		}),
	}}
	var declared []resource
	locals := map[string]cty.Value{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, problems := hclsyntax.ParseConfig([]byte(files[name]), name, hcl.InitialPos)
		var read source
		if !problems.HasErrors() {
			problems = gohcl.DecodeBody(file.Body, scope, &read)
		}
		for _, block := range read.Locals {
			for key, local := range block.Values {
				var more hcl.Diagnostics
				locals[key], more = local.Expr.Value(scope)
				problems = append(problems, more...)
			}
		}
		if problems.HasErrors() {
			return nil, problem(problems)
		}
		for _, settings := range read.Settings {
			for _, b := range settings.Backends {
				if b.Type != "local" {
					return nil, failure("Unsupported backend type", "  on %s:\n\nThere is no backend type named %q here.\n%s", name, b.Type, errSupport)
				}
				c.backend = &b
			}
		}
		declared = append(declared, read.Resources...)
	}
	scope.Variables = map[string]cty.Value{"local": cty.ObjectVal(locals)}
	for _, r := range declared {
		if err := c.add(&r, scope); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *config) add(r *resource, scope *hcl.EvalContext) (err error) {
	address := r.Type + "." + r.Name
	switch {
	case r.Type != "terraform_data":
		return failure("Unsupported resource type", "  on %s:\n\n%s is not known.\n%s", r.place(), r.Type, errSupport)
	case c.resources[address] != nil:
		return failure("Duplicate resource configuration", "  on %s:\n\n%s is there twice.", r.place(), address)
	}
	r.references = map[string][]string{"input": references(r.Input), "triggers_replace": references(r.Triggers)}
	if r.input, err = evaluate(r.Input, scope); err == nil {
		r.triggers, err = evaluate(r.Triggers, scope)
	}
	c.resources[address] = r
	return err
}

// references are the local values that an expression names.
func references(e hcl.Expression) (names []string) {
	for _, variable := range e.Variables() {
		if local, ok := variable[min(1, len(variable)-1)].(hcl.TraverseAttr); ok {
			names = append(names, "local."+local.Name)
		}
	}
	return names
}

// evaluate is the value of an expression with its type, as a state keeps it.
func evaluate(e hcl.Expression, scope *hcl.EvalContext) (json.RawMessage, error) {
	value, problems := e.Value(scope)
	switch {
	case problems.HasErrors():
		return nil, problem(problems)
	case value.IsNull():
		return null, nil
	}
	return ctyjson.Marshal(value, cty.DynamicPseudoType)
}

func problem(problems hcl.Diagnostics) error {
	first := problems.Errs()[0]
	if d, ok := errors.AsType[*hcl.Diagnostic](first); ok && d.Subject != nil {
		return fmt.Errorf("%s\n\n  on %s line %d:\n\n%s\n%s", d.Summary, d.Subject.Filename, d.Subject.Start.Line, d.Detail, errSupport)
	}
	return fmt.Errorf("%w\n%s", first, errSupport)
}

// statePath is the state file of a configuration.
func (t run) statePath(c *config) string {
	if c.backend == nil || c.backend.Path == "" {
		return t.path("terraform.tfstate")
	}
	return t.path(c.backend.Path)
}

// path is a path of the command line or the configuration.
func (t run) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(t.dir, name)
}

// nameOf is the name of the resource at an address.
func nameOf(address string) string { return strings.TrimPrefix(address, "terraform_data.") }
