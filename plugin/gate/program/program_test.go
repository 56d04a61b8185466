package program_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/program"
)

// stack is a configuration with one stack, stacks/shop.
func stack(files map[string]string) *hclfile.Tree {
	texts := map[string][]byte{}
	for name, text := range files {
		if strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".json") {
			texts[name] = []byte(text)
		}
	}
	return hclfile.NewTree(slices.Sorted(maps.Keys(files)), texts)
}

// A file that a command, a hook or a provider is given is a part of the program,
// however the command says its name; one that it does not name is none.
func TestFilesThatProgramsAreGivenAreKnown(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		want    bool
	}{
		"a word":                     {`sh run.sh data.yaml`, true},
		"a path from here":           {`sh run.sh ./data.yaml`, true},
		"the folder of the module":   {`sh run.sh ${path.module}/data.yaml`, true},
		"the folder of the stack":    {`sh run.sh ${path.root}/data.yaml`, true},
		"single quotes":              {`sh -c 'cat data.yaml'`, true},
		"a redirection":              {`tool < data.yaml`, true},
		"an option":                  {`tool --file=data.yaml`, true},
		"an address of a file":       {`tool --body file://data.yaml`, true},
		"an at sign":                 {`curl -d @data.yaml`, true},
		"a glob":                     {`cat *.yaml`, true},
		"everything here":            {`kubectl apply -f .`, true},
		"a pipe":                     {`cat data.yaml | tool`, true},
		"an escape":                  {`cat data\\.yaml`, true},
		"another language":           {`python3 -c \"print(open('data.yaml').read())\"`, true},
		"another language, brackets": {`print(open(\"data.yaml\").read())`, true},
		"a list in a command":        {`tool [data.yaml,other.yaml]`, true},
		"a here document":            {`cat <<EOF\n@data.yaml\nEOF`, true},
		"another folder first":       {`cd .. && cat shop/data.yaml`, true},
		"a bracket that is no glob":  {`jq '.[]' other.json`, false},
		"another file":               {`cat other.yaml`, false},
		"a longer name":              {`cat mydata.yaml.bak`, false},
		"no file":                    {`echo done`, false},
	} {
		c := stack(map[string]string{
			"stacks/shop/main.tf":   "resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"" + test.command + "\"\n }\n}",
			"stacks/shop/data.yaml": "", "stacks/shop/other.json": "",
		})
		reached := program.Of(c, "stacks/shop")
		if _, got := reached.File("stacks/shop/data.yaml"); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A value that reaches a program is followed through names, modules and their
// outputs; one that does not may change.
func TestValuesThatReachProgramsAreFollowed(t *testing.T) {
	const runs = "resource \"terraform_data\" \"run\" {\n provisioner \"local-exec\" {\n command = \"echo ${%}\"\n }\n}\n"
	for name, test := range map[string]struct {
		before, after map[string]string
		want          bool
	}{
		"a local value": {
			map[string]string{"a.tf": strings.Replace(runs, "%", "local.x", 1) + `locals { x = "a" }`},
			map[string]string{"a.tf": strings.Replace(runs, "%", "local.x", 1) + `locals { x = "b" }`},
			true,
		},
		"a local value beside": {
			map[string]string{"a.tf": strings.Replace(runs, "%", "local.x", 1) + "locals {\n x = 1\n y = 1\n}"},
			map[string]string{"a.tf": strings.Replace(runs, "%", "local.x", 1) + "locals {\n x = 1\n y = 2\n}"},
			false,
		},
		"through a chain": {
			map[string]string{"a.tf": strings.Replace(runs, "%", "local.x", 1) + "locals {\n x = local.y\n y = var.z\n}\nvariable \"z\" { default = 1 }"},
			map[string]string{"a.tf": strings.Replace(runs, "%", "local.x", 1) + "locals {\n x = local.y\n y = var.z\n}\nvariable \"z\" { default = 2 }"},
			true,
		},
		"another resource": {
			map[string]string{"a.tf": strings.Replace(runs, "%", "terraform_data.in.input", 1) + `resource "terraform_data" "in" { input = "a" }`},
			map[string]string{"a.tf": strings.Replace(runs, "%", "terraform_data.in.input", 1) + `resource "terraform_data" "in" { input = "b" }`},
			true,
		},
		"an output of a module": {
			map[string]string{"a.tf": strings.Replace(runs, "%", "module.m.x", 1) + `module "m" { source = "./m" }`, "m/a.tf": `output "x" { value = "a" }`},
			map[string]string{"a.tf": strings.Replace(runs, "%", "module.m.x", 1) + `module "m" { source = "./m" }`, "m/a.tf": `output "x" { value = "b" }`},
			true,
		},
		"another output of a module": {
			map[string]string{"a.tf": strings.Replace(runs, "%", "module.m.x", 1) + `module "m" { source = "./m" }`, "m/a.tf": "output \"x\" { value = 1 }\noutput \"y\" { value = 1 }"},
			map[string]string{"a.tf": strings.Replace(runs, "%", "module.m.x", 1) + `module "m" { source = "./m" }`, "m/a.tf": "output \"x\" { value = 1 }\noutput \"y\" { value = 2 }"},
			false,
		},
		"all outputs of a module of many": {
			map[string]string{"a.tf": strings.Replace(runs, "%", `module.m["a"].x`, 1) + "module \"m\" {\n source = \"./m\"\n for_each = toset([\"a\"])\n}", "m/a.tf": `output "x" { value = "a" }`},
			map[string]string{"a.tf": strings.Replace(runs, "%", `module.m["a"].x`, 1) + "module \"m\" {\n source = \"./m\"\n for_each = toset([\"a\"])\n}", "m/a.tf": `output "x" { value = "b" }`},
			true,
		},
		"into a module": {
			map[string]string{"a.tf": "module \"m\" {\n source = \"./m\"\n x = \"a\"\n}", "m/a.tf": `variable "x" {}` + "\n" + strings.Replace(runs, "%", "var.x", 1)},
			map[string]string{"a.tf": "module \"m\" {\n source = \"./m\"\n x = \"b\"\n}", "m/a.tf": `variable "x" {}` + "\n" + strings.Replace(runs, "%", "var.x", 1)},
			true,
		},
		"into a module of a module": {
			map[string]string{"a.tf": "module \"m\" {\n source = \"./m\"\n x = \"a\"\n}", "m/a.tf": "variable \"x\" {}\nmodule \"n\" {\n source = \"./n\"\n y = var.x\n}", "m/n/a.tf": `variable "y" {}` + "\n" + strings.Replace(runs, "%", "var.y", 1)},
			map[string]string{"a.tf": "module \"m\" {\n source = \"./m\"\n x = \"b\"\n}", "m/a.tf": "variable \"x\" {}\nmodule \"n\" {\n source = \"./n\"\n y = var.x\n}", "m/n/a.tf": `variable "y" {}` + "\n" + strings.Replace(runs, "%", "var.y", 1)},
			true,
		},
		"into the environment": {
			map[string]string{"a.tf": "resource \"terraform_data\" \"run\" {\n provisioner \"local-exec\" {\n command = \"tool\"\n environment = { A = local.x }\n }\n}\nlocals { x = 1 }"},
			map[string]string{"a.tf": "resource \"terraform_data\" \"run\" {\n provisioner \"local-exec\" {\n command = \"tool\"\n environment = { A = local.x }\n }\n}\nlocals { x = 2 }"},
			true,
		},
		"what a program is started again by": {
			map[string]string{"a.tf": "resource \"terraform_data\" \"run\" {\n triggers_replace = local.x\n provisioner \"local-exec\" { command = \"tool\" }\n}\nlocals { x = 1 }"},
			map[string]string{"a.tf": "resource \"terraform_data\" \"run\" {\n triggers_replace = local.x\n provisioner \"local-exec\" { command = \"tool\" }\n}\nlocals { x = 2 }"},
			true,
		},
		"through a dynamic block": {
			map[string]string{"a.tf": "data \"external\" \"x\" {\n program = [\"tool\"]\n query = { for k, v in local.x : k => v }\n}\nlocals { x = { a = 1 } }"},
			map[string]string{"a.tf": "data \"external\" \"x\" {\n program = [\"tool\"]\n query = { for k, v in local.x : k => v }\n}\nlocals { x = { a = 2 } }"},
			true,
		},
		"what Terragrunt writes": {
			map[string]string{"terragrunt.hcl": "generate \"p\" {\n path = \"p.tf\"\n contents = local.x\n}\nlocals { x = \"a\" }"},
			map[string]string{"terragrunt.hcl": "generate \"p\" {\n path = \"p.tf\"\n contents = local.x\n}\nlocals { x = \"b\" }"},
			true,
		},
		"what Terragrunt runs for a value": {
			map[string]string{"terragrunt.hcl": "locals {\n x = \"a\"\n y = run_cmd(\"tool\", local.x)\n}"},
			map[string]string{"terragrunt.hcl": "locals {\n x = \"b\"\n y = run_cmd(\"tool\", local.x)\n}"},
			true,
		},
		"what a provider starts": {
			map[string]string{"a.tf": "provider \"kubernetes\" {\n exec {\n command = local.x\n }\n}\nlocals { x = \"a\" }"},
			map[string]string{"a.tf": "provider \"kubernetes\" {\n exec {\n command = local.x\n }\n}\nlocals { x = \"b\" }"},
			true,
		},
	} {
		of := func(files map[string]string) program.Reached {
			placed := map[string]string{}
			for name, text := range files {
				placed["stacks/shop/"+name] = text
			}
			return program.Of(stack(placed), "stacks/shop")
		}
		if got := len(program.Differences(of(test.before), of(test.after))) > 0; got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// What cannot be followed is said, so that a person looks at it.
func TestProgramsThatCannotBeFollowedAreSaid(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"a script":                 {"resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"./run.sh\"\n }\n}", true},
		"a variable of the shell":  {"resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"cat $FILE\"\n }\n}", true},
		"the output of a command":  {"resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"cat `ls`\"\n }\n}", true},
		"a path that is not known": {"resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"cat ${var.folder}/x.yaml\"\n }\n}", true},
		"a word":                   {"resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"echo done\"\n }\n}", false},
		"no program":               {`resource "aws_sqs_queue" "x" { name = "x" }`, false},
		"a broken file":            {`resource "x" {`, true},
	} {
		c := stack(map[string]string{"stacks/shop/main.tf": test.text, "stacks/shop/run.sh": ""})
		if got := program.Of(c, "stacks/shop").Unfollowed; got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// Whatever a configuration holds, reading it ends and does not panic.
func FuzzOf(f *testing.F) {
	f.Add("resource \"terraform_data\" \"x\" {\n provisioner \"local-exec\" {\n command = \"cat ${path.module}/[data.yaml\"\n }\n}")
	f.Add(`module "m" { source = "./" }`)
	f.Add("locals {\n x = run_cmd(\"a\", local.x)\n}\nprovider \"a\" { x = [\"-c\", \"cat 'x\"] }")
	f.Fuzz(func(_ *testing.T, text string) {
		c := stack(map[string]string{"stacks/shop/main.tf": text, "stacks/shop/data.yaml": "", "stacks/shop/terragrunt.hcl": text})
		program.Differences(program.Of(c, "stacks/shop"), program.Of(stack(nil), "stacks/shop"))
	})
}
