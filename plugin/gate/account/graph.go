package account

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
)

// maxScopes bounds how many modules are gone through: folders that call each
// other end there, which Terraform refuses.
const maxScopes = 1000

// node is a name in a module, whose address has no instance keys.
type node struct{ module, name string }

// graph is what refers to what: from the configuration in the plan, and from the
// HCL of the folders that can be reached, which alone shows local values and what
// was there before.
type graph struct {
	plan    *fact.Plan
	uses    map[node][]node
	folders map[string][]string // modules by the folder that they are read from
	modules map[string]bool     // that are read from a folder which is known

	facts   map[node]bool   // what something with a fact refers to
	touched map[string]bool // modules with a fact, and those around them
	outputs map[node]bool   // what outputs of the root refer to
	used    map[node]bool   // what any resource refers to
}

func newGraph(a *accounting) *graph {
	g := &graph{plan: a.plan, uses: map[node][]node{}, folders: map[string][]string{}, modules: map[string]bool{}, touched: map[string]bool{}}
	g.configured()
	g.read(a, "", a.stack)
	var withFacts, all, outputs []node
	for address := range a.plan.References {
		all = append(all, split(address))
	}
	for from := range g.uses {
		if from.module == "" && strings.HasPrefix(from.name, "output.") {
			outputs = append(outputs, from)
		}
		if !slices.Contains([]string{"data", "var", "local", "module", "output"}, root(from.name)) {
			all = append(all, from)
		}
	}
	for _, effect := range a.plan.Effects {
		if slices.ContainsFunc(effect.Facts, func(f fact.Fact) bool { return !f.Drift }) {
			one := split(fact.WithoutKeys(effect.Address))
			withFacts = append(withFacts, one)
			for module := one.module; module != ""; module = caller(module) {
				g.touched[module] = true
			}
		}
	}
	g.facts, g.used, g.outputs = g.reach(withFacts), g.reach(all), g.reach(outputs)
	return g
}

func root(name string) string { first, _, _ := strings.Cut(name, "."); return first }

// caller is the module that calls another.
func caller(module string) string {
	return strings.TrimSuffix(module[:max(0, strings.LastIndex(module, "module."))], ".")
}

// split divides an address without instance keys into the module and the name in
// it.
func split(address string) node {
	var n node
	for strings.HasPrefix(address, "module.") {
		parts := strings.SplitN(address, ".", 3)
		if len(parts) < 3 {
			break
		}
		n.module = join(n.module, "module."+parts[1])
		address = parts[2]
	}
	n.name = address
	return n
}

func join(module, name string) string {
	return strings.Trim(module+"."+name, ".")
}

// configured notes what the configuration in the plan says.
func (g *graph) configured() {
	for address, arguments := range g.plan.References {
		one := split(address)
		for _, references := range arguments {
			g.refer(one, one.module, references)
		}
	}
	for address, module := range g.plan.Modules {
		for name, references := range module.Arguments {
			g.refer(node{address, "var." + name}, caller(address), references)
		}
		for name, references := range module.Outputs {
			g.refer(node{address, "output." + name}, address, references)
		}
	}
}

// refer notes that a node uses what stands in a module under names.
func (g *graph) refer(from node, module string, references []string) {
	for _, reference := range references {
		parts := strings.Split(reference, ".")
		for i := range parts {
			parts[i], _, _ = strings.Cut(parts[i], "[")
		}
		n := min(2, len(parts))
		switch {
		case parts[0] == "data":
			n = min(3, len(parts))
		case parts[0] == "module" && len(parts) > 2:
			g.uses[from] = append(g.uses[from], node{join(module, "module."+parts[1]), "output." + parts[2]})
			continue
		}
		g.uses[from] = append(g.uses[from], node{module, strings.Join(parts[:n], ".")})
	}
}

// read notes what the HCL of a module's folder says, as it was and as it would
// be, and goes on to the modules of the repository that it calls.
func (g *graph) read(a *accounting, module, folder string) {
	if len(g.modules) > maxScopes || slices.Contains(g.folders[folder], module) {
		return
	}
	g.folders[folder] = append(g.folders[folder], module)
	items := map[string]element{}
	calls := map[string]string{} // folders by the address of the call
	hasTerraform := g.modules[module]
	for _, side := range a.sides {
		for _, name := range filesIn(side, folder) {
			// One that cannot be read is named by the comparison.
			if parsed, err := side.Parse(name); err == nil {
				itemsOf(parsed, items)
				for _, call := range parsed.Calls() {
					calls[call.Name] = call.Folder
				}
				hasTerraform = hasTerraform || !strings.HasSuffix(name, ".hcl")
			}
		}
	}
	g.modules[module] = hasTerraform
	for _, one := range items {
		g.refer(node{join(module, prefixed(one.module)), one.name}, module, one.uses)
	}
	for call, inner := range calls {
		g.read(a, join(module, call), inner)
	}
}

func prefixed(module string) string {
	if module == "" {
		return ""
	}
	return "module." + module
}

// reach is all that nodes refer to, themselves included.
func (g *graph) reach(from []node) map[node]bool {
	seen := map[node]bool{}
	for len(from) > 0 {
		one := from[len(from)-1]
		from = from[:len(from)-1]
		if !seen[one] {
			seen[one] = true
			from = append(from, g.uses[one]...)
		}
	}
	return seen
}

// accounts reports whether an item of a folder shows in a fact. A folder that no
// module is known to be read from may be that of any module whose folder is not
// known: Terragrunt and remote sources of the same repository.
func (g *graph) accounts(folder string, i element) bool {
	modules := g.folders[folder]
	if len(modules) == 0 {
		for module := range g.plan.Modules {
			if !g.modules[module] {
				modules = append(modules, module)
			}
		}
	}
	return slices.ContainsFunc(modules, func(module string) bool {
		if called, isCall := strings.CutPrefix(i.name, "module."); isCall {
			return g.touched[join(module, "module."+called)]
		}
		one := node{join(module, prefixed(i.module)), i.name}
		return g.facts[one] || g.outputs[one] && !g.used[one]
	})
}
