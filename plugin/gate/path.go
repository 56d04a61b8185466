package gate

import (
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/unicode/norm"
)

// maxPathLength bounds a path; longer ones are never needed and break tools.
const maxPathLength = 240

// denied is what no item may touch, whatever allow_paths says: patterns over
// the folded path (NFKC, lower case), by what they protect.
var denied = []struct {
	what     string
	patterns []string
}{
	{"CI", []string{
		"**/.woodpecker*", "**/.woodpecker*/**", "**/.github", "**/.github/**", "**/.gitlab*", "**/.gitlab*/**", "**/.drone*", "**/.drone*/**",
		"**/.circleci", "**/.circleci/**", "**/jenkinsfile*", "**/.travis.y*ml", "**/azure-pipelines*", "**/bitbucket-pipelines*",
		"**/.buildkite/**", "**/.forgejo/**", "**/.gitea/**", "**/.tekton/**", "**/.teamcity/**", "**/.ci/**", "**/atlantis.y*ml", "**/appveyor*",
		"**/cloudbuild*", "**/buildspec*", "**/renovate*", "**/.renovate*", "**/dependabot*", "**/codeowners",
	}},
	{"the agent's rules", []string{
		"**/.claude", "**/.claude/**", "**/claude*.md", "**/agent.md", "**/agents*.md", "**/gemini.md", "**/skill.md", "**/.mcp*", "**/.cursor*", "**/.cursor*/**",
		"**/.windsurf*", "**/.windsurf*/**", "**/.aider*", "**/.codex/**", "**/.gemini/**", "**/.continue/**", "**/.roo*", "**/.roo*/**",
		"**/.cline*", "**/.cline*/**", "**/.agents/**", "**/.agent/**", "**/.opencode/**", "**/.junie/**", "**/.kiro/**", "**/copilot*",
	}},
	{"Terraform's and Terragrunt's own files", []string{
		"**/*.hcl", "**/*.hcl.json", "**/*tfvars*", "**/*tfstate*", "**/*tfplan*", "**/*terragrunt*", "**/*.tfbackend*", "**/.terraform*", "**/.terraform/**",
		"**/terraform.rc", "**/*.tfrc", "**/terraform.d/**", "**/.terragrunt-cache/**", "**/*.tf.json", "**/*.tofu", "**/*.tofu.json", "**/*.tf*.json", "**/.tofu*",
		"**/override.tf", "**/*_override.tf", "**/override.tofu", "**/.opentofu*", "**/.terragrunt*", "**/.tflint*", "**/.tfsec*", "**/.checkov*", "**/.trivy*",
	}},
	{"the Terraform wrapper", []string{"**/scripts/tg", "**/scripts/tg.*"}},
	{"the shell's and the tools' environment", []string{
		"**/.env*", "**/.tool-versions", "**/.asdf*", "**/.mise*", "**/.mise*/**", "**/mise*.toml", "**/.nvmrc", "**/.sops*", "**/*.nix", "**/flake.lock",
		"**/devbox.*", "**/.devcontainer/**", "**/.vscode/**", "**/.idea/**", "**/dockerfile*", "**/docker-compose*", "**/compose.y*ml", "**/makefile*",
		"**/gnumakefile", "**/justfile*", "**/.justfile", "**/taskfile*", "**/.bash*", "**/.profile", "**/.zsh*", "**/.ssh/**", "**/kubeconfig*", "**/.kube/**",
	}},
	{"git's own files", []string{
		"**/.git", "**/.git/**", "**/git~*", "**/git~*/**", "**/.gitattributes", "**/.gitmodules", "**/.gitignore", "**/.gitconfig", "**/.gitallowed", "**/.gitleaks*",
		"**/.git-crypt/**", "**/.lfsconfig", "**/.mailmap", "**/.git-blame-ignore*",
	}},
	{"hooks", []string{
		"**/hooks/**", "**/.hooks/**", "**/.githooks/**", "**/.husky/**", "**/.pre-commit*", "**/lefthook*", "**/.lefthook*", "**/.overcommit*", "**/.lintstaged*",
	}},
	{"hidden files, which tools read by themselves", []string{"**/.*", "**/.*/**"}},
}

// fileKinds is the endings of files that items need. Anything else (scripts,
// programs, keys, archives) is left to people.
var fileKinds = map[string]bool{
	".tf": true, ".yaml": true, ".yml": true, ".json": true, ".tftpl": true, ".tpl": true, ".tmpl": true, ".md": true, ".txt": true,
	".conf": true, ".cfg": true, ".ini": true, ".toml": true, ".properties": true, ".rules": true, ".xml": true, ".html": true,
	".jsonnet": true, ".libsonnet": true, ".csv": true, ".promql": true, ".logql": true,
}

// fold is the form in which paths are compared with the deny list: what a
// case-insensitive or normalising file system would make of them.
func fold(file string) string {
	return strings.ToLower(norm.NFKC.String(file))
}

// deniedBy says what a folded path is protected as, "" when it is not.
func deniedBy(folded string) string {
	for _, group := range denied {
		for _, pattern := range group.patterns {
			if ok, err := doublestar.Match(pattern, folded); err == nil && ok {
				return group.what
			}
		}
	}
	return ""
}

// wrapperHolds tells whether a folded path is the wrapper or lies in the
// wrapper's folder, from which it may load more.
func wrapperHolds(wrapper, folded string) bool {
	wrapper = fold(path.Clean(wrapper))
	folder := path.Dir(wrapper)
	return wrapper == folded || folder != "." && folder != "/" && strings.HasPrefix(folded, folder+"/")
}

// unsafePath says what is wrong with the form of a path, "" when nothing is.
func unsafePath(file string) string {
	switch {
	case file == "":
		return "the path is empty"
	case len(file) > maxPathLength:
		return fmt.Sprintf("the path is longer than %d bytes", maxPathLength)
	case strings.HasPrefix(file, "/"):
		return "the path is absolute"
	}
	for i := range len(file) {
		if b := file[i]; !nameByte(b) && !strings.ContainsRune("/.@+=,() ", rune(b)) {
			return "the path has a character outside A-Z a-z 0-9 . _ - @ + = , ( ) and space"
		}
	}
	for _, part := range strings.Split(file, "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return "the path has an empty, . or .. part"
		case strings.HasPrefix(part, "-"):
			return "a part of the path starts with a dash"
		case strings.HasPrefix(part, " ") || strings.HasSuffix(part, " ") || strings.HasSuffix(part, "."):
			return "a part of the path starts or ends with a space, or ends with a dot"
		}
	}
	return ""
}

// paths judges every path on its own.
func (d *diff) paths() {
	exact, folded := map[string]bool{}, map[string]string{}
	for _, p := range d.policy.BasePaths {
		exact[p] = true
		folded[fold(p)] = p
	}
	for _, file := range d.change.Files {
		if problem := unsafePath(file.Path); problem != "" {
			d.add(CodePathUnsafe, file.Path, problem)
		}
		name := fold(file.Path)
		if other, taken := folded[name]; taken && other != file.Path && !exact[file.Path] {
			d.add(CodePathUnsafe, file.Path, "another path differs from this one only in case or in Unicode form")
		}
		folded[name] = file.Path
		if what := deniedBy(path.Clean(name)); what != "" {
			d.add(CodePathDenied, file.Path, "no item may touch this: it belongs to "+what)
		} else if d.policy.Wrapper != "" && wrapperHolds(d.policy.Wrapper, path.Clean(name)) {
			d.add(CodePathDenied, file.Path, "no item may touch this: it belongs to the Terraform wrapper")
		} else if matchesAny(d.policy.StatePaths, file.Path) || matchesAny(d.policy.StatePaths, path.Clean(name)) {
			d.add(CodePathDenied, file.Path, "no item may touch this: it is tracked state")
		}
		if !matchesAny(d.policy.AllowPaths, file.Path) {
			d.add(CodeOutsidePaths, file.Path, "the path is outside allow_paths")
		} else if len(d.policy.TypePaths) > 0 && !matchesAny(d.policy.TypePaths, file.Path) {
			d.add(CodeOutsideType, file.Path, "the path is outside the paths of the type "+d.policy.Type)
		}
		if !fileKinds[path.Ext(name)] {
			d.add(CodeFileKind, file.Path, "items change configuration and text; a script, a program or a file of unknown kind is left to people")
		}
	}
}
