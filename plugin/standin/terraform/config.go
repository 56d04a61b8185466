package terraform

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// tfConfig is the *.tf files of one folder, as far as the stand-in knows them.
type tfConfig struct {
	files      map[string]string // content by name
	hasBackend bool
	backend    string                // path of the local backend, as written
	resources  map[string]tfResource // by address
}

// tfResource is one terraform_data block.
type tfResource struct {
	address, name   string
	place           string // file and line of the block
	input, triggers cty.Value
	preventDestroy  bool
	createFirst     bool // create_before_destroy
}

var (
	tfRootSchema = &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "terraform"}, {Type: "resource", LabelNames: []string{"type", "name"}},
	}}
	tfSettingsSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "required_version"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "backend", LabelNames: []string{"type"}}},
	}
	tfBackendSchema  = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "path"}}}
	tfResourceSchema = &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "input"}, {Name: "triggers_replace"}, {Name: "depends_on"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "lifecycle"}},
	}
	tfLifecycleSchema = &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "prevent_destroy"}, {Name: "create_before_destroy"}}}
)

// errSupport goes with every complaint about a configuration, since it may be
// right for the real program.
const errSupport = "The stand-in Terraform understands terraform_data resources with literal values and the local backend."

// loadConfig reads the configuration of a folder for planning.
func loadConfig(dir string) (*tfConfig, error) {
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
	return parseConfig(files, cty.UnknownVal(cty.String).RefineNotNull())
}

// parseConfig reads a configuration in which timestamp() has this value: an
// unknown one for plans, the present time for applies.
func parseConfig(files map[string]string, timestamp cty.Value) (*tfConfig, error) {
	config := &tfConfig{files: files, resources: map[string]tfResource{}}
	scope := &hcl.EvalContext{Functions: map[string]function.Function{
		"timestamp": function.New(&function.Spec{
			Type: function.StaticReturnType(cty.String),
			Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return timestamp, nil },
		}),
	}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, problems := hclsyntax.ParseConfig([]byte(files[name]), name, hcl.InitialPos)
		if problems.HasErrors() {
			return nil, tfProblem(problems)
		}
		content, problems := file.Body.Content(tfRootSchema)
		if problems.HasErrors() {
			return nil, tfProblem(problems)
		}
		for _, block := range content.Blocks {
			read := config.readResource
			if block.Type == "terraform" {
				read = config.readSettings
			}
			if err := read(block, scope); err != nil {
				return nil, err
			}
		}
	}
	return config, nil
}

// now is the value of timestamp() while applying.
func now() cty.Value { return cty.StringVal(time.Now().UTC().Format(time.RFC3339)) }

func tfProblem(problems hcl.Diagnostics) error {
	first := problems.Errs()[0]
	var diagnostic *hcl.Diagnostic
	if errors.As(first, &diagnostic) && diagnostic.Subject != nil {
		return fmt.Errorf("%s\n\n  on %s line %d:\n\n%s\n%s", diagnostic.Summary, diagnostic.Subject.Filename, diagnostic.Subject.Start.Line, diagnostic.Detail, errSupport)
	}
	return fmt.Errorf("%w\n%s", first, errSupport)
}

func (c *tfConfig) readSettings(block *hcl.Block, scope *hcl.EvalContext) error {
	content, problems := block.Body.Content(tfSettingsSchema)
	if problems.HasErrors() {
		return tfProblem(problems)
	}
	for _, backend := range content.Blocks {
		if backend.Labels[0] != "local" {
			return failure("Unsupported backend type", "  on %s:\n\nThere is no backend type named %q here.\n%s", placeOf(backend), backend.Labels[0], errSupport)
		}
		inner, problems := backend.Body.Content(tfBackendSchema)
		if problems.HasErrors() {
			return tfProblem(problems)
		}
		c.hasBackend, c.backend = true, "terraform.tfstate"
		if path, ok := inner.Attributes["path"]; ok {
			value, err := literal(path, scope, cty.String)
			if err != nil {
				return err
			}
			c.backend = value.AsString()
		}
	}
	return nil
}

// literal is the value of an attribute that must be known, and of one type.
func literal(attribute *hcl.Attribute, scope *hcl.EvalContext, want cty.Type) (cty.Value, error) {
	found, problems := attribute.Expr.Value(scope)
	if problems.HasErrors() {
		return found, tfProblem(problems)
	}
	value, err := convert.Convert(found, want)
	if err != nil || value.IsNull() || !value.IsKnown() {
		return value, failure("Unsuitable value", "  on %s line %d:\n\n%s must be a %s that is known.\n%s",
			attribute.Range.Filename, attribute.Range.Start.Line, attribute.Name, want.FriendlyName(), errSupport)
	}
	return value, nil
}

func placeOf(block *hcl.Block) string {
	return fmt.Sprintf("%s line %d", block.DefRange.Filename, block.DefRange.Start.Line)
}

func (c *tfConfig) readResource(block *hcl.Block, scope *hcl.EvalContext) error {
	place := placeOf(block)
	if block.Labels[0] != "terraform_data" {
		return failure("Unsupported resource type", "  on %s:\n\n%s is not known.\n%s", place, block.Labels[0], errSupport)
	}
	content, problems := block.Body.Content(tfResourceSchema)
	if problems.HasErrors() {
		return tfProblem(problems)
	}
	r := tfResource{
		name: block.Labels[1], address: strings.Join(block.Labels, "."), place: place,
		input: cty.NullVal(cty.DynamicPseudoType), triggers: cty.NullVal(cty.DynamicPseudoType),
	}
	if _, twice := c.resources[r.address]; twice {
		return failure("Duplicate resource configuration", "  on %s:\n\n%s is there twice.", place, r.address)
	}
	for name, target := range map[string]*cty.Value{"input": &r.input, "triggers_replace": &r.triggers} {
		if attribute, ok := content.Attributes[name]; ok {
			if *target, problems = attribute.Expr.Value(scope); problems.HasErrors() {
				return tfProblem(problems)
			}
		}
	}
	for _, lifecycle := range content.Blocks {
		rules, problems := lifecycle.Body.Content(tfLifecycleSchema)
		if problems.HasErrors() {
			return tfProblem(problems)
		}
		for name, target := range map[string]*bool{"prevent_destroy": &r.preventDestroy, "create_before_destroy": &r.createFirst} {
			if attribute, ok := rules.Attributes[name]; ok {
				value, err := literal(attribute, scope, cty.Bool)
				if err != nil {
					return err
				}
				*target = value.True()
			}
		}
	}
	c.resources[r.address] = r
	return nil
}
