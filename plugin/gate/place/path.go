// Package place says what a path of the repository is: in which stack it lies,
// and whether an item may ever touch it. It is pure.
package place

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
		"**/.cline*", "**/.cline*/**", "**/.agents/**", "**/.agent/**", "**/.opencode/**", "**/opencode.json*", "**/.junie/**", "**/.kiro/**", "**/copilot*",
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

// kinds is the endings of files that items need. Anything else (scripts,
// programs, keys, archives) needs a person.
var kinds = map[string]bool{
	".tf": true, ".yaml": true, ".yml": true, ".json": true, ".tftpl": true, ".tpl": true, ".tmpl": true, ".md": true, ".txt": true,
	".conf": true, ".cfg": true, ".ini": true, ".toml": true, ".properties": true, ".rules": true, ".xml": true, ".html": true,
	".jsonnet": true, ".libsonnet": true, ".csv": true, ".promql": true, ".logql": true,
}

// Fold is the form in which paths are compared with the deny list: what a
// case-insensitive or normalising file system would make of them.
func Fold(file string) string {
	return strings.ToLower(norm.NFKC.String(file))
}

// Denied says what a folded path is protected as, "" when it is not.
func Denied(folded string) string {
	for _, group := range denied {
		for _, pattern := range group.patterns {
			if ok, err := doublestar.Match(pattern, folded); err == nil && ok {
				return group.what
			}
		}
	}
	return ""
}

// BelongsToWrapper reports whether a folded path is the wrapper or lies in the
// wrapper's folder, from which it may load more.
func BelongsToWrapper(wrapper, folded string) bool {
	wrapper = Fold(path.Clean(wrapper))
	folder := path.Dir(wrapper)
	return wrapper == folded || folder != "." && folder != "/" && strings.HasPrefix(folded, folder+"/")
}

// Unsafe says what is wrong with the form of a path, "" when nothing is.
func Unsafe(file string) string {
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

// KnownKind reports whether files with an ending, folded, are of a kind that
// items need.
func KnownKind(ending string) bool { return kinds[ending] }
