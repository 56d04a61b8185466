package standin

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
	"github.com/pm-todos/pm-todos/plugin/standin/program"
	"github.com/pm-todos/pm-todos/plugin/standin/prometheus"
	"github.com/pm-todos/pm-todos/plugin/standin/slack"
	"github.com/pm-todos/pm-todos/plugin/standin/ssh"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
	"github.com/pm-todos/pm-todos/plugin/standin/vault"
)

//go:embed all:sample
var sampleFiles embed.FS

// SampleAgent is the shell script by which the scripted agent implements the
// items of the sample repository.
//
//go:embed sample_agent.sh
var SampleAgent string

// Names in the sample world.
const (
	SampleRepository = "example/infra"
	SampleBranch     = "main"
	SampleUser       = "ci-bot" // of the git remote
	samplePassword   = "standin-git-password"
	sampleJWT        = "standin.service.token"
)

// statePlaceholder stands in the sample's backend blocks for the folder of the
// state files.
const statePlaceholder = "@STATE@"

// Options say what differs from the plain sample world.
type Options struct {
	// Dir receives everything: repositories, homes, programs, states. It must
	// be empty or absent, and it is left in place by Close.
	Dir string
	// Files are added to the sample repository, or replace its files; the text
	// @STATE@ in *.tf files becomes the folder of the state files.
	Files map[string]string
	// Without are paths of the sample repository that are left out; one that
	// ends with "/" stands for all below it.
	Without []string
	// Executable files of the sample repository, beside those that begin with #!.
	ExecutableFiles []string
	// AgentScript makes the agent's edits; SampleAgent when empty.
	AgentScript string
	// Executable is what the stand-in programs start, this one when empty. Its
	// main must call Dispatch.
	Executable string
	// Terraform is the path of a real Terraform to use, instead of the stand-in.
	Terraform string
	// Local makes Settings run on this machine without SSH.
	Local bool
	// Jump puts a second SSH server in front of the first.
	Jump bool
	// Prometheus adds one that measured the sample's first incident.
	Prometheus bool
}

// World is a whole surrounding for runs: a git remote with the sample
// infrastructure repository, Vault, a dev host with agent and Terraform, and
// Slack, all on the loopback interface, with the stacks applied once.
type World struct {
	Git       *git.Server
	Repo      *git.Repository
	Vault     *vault.Vault
	SSH       *ssh.Server
	Jump      *ssh.Server // nil without Options.Jump
	Slack     *slack.Slack
	Metrics   *prometheus.Prometheus // nil without Options.Prometheus
	Agent     *agent.Agent
	Terraform *terraform.Terraform // its Dir is empty when a real one is used

	Home     string // of the host's user
	StateDir string // one <stack>.tfstate for each stack
	First    string // hash of the commit before the post-mortems were written
	Second   string // hash of the commit that added them

	options Options
	servers []io.Closer
}

// Start brings the world up.
func Start(o Options) (*World, error) {
	if o.Dir == "" {
		return nil, errors.New("the stand-in world needs a folder of its own: Options.Dir is empty")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("folder of the stand-in world: %w", err)
	}
	o.Dir = dir
	err = os.MkdirAll(dir, 0o750)
	if err == nil {
		err = isEmpty(dir)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "workspace"), 0o750)
	}
	if err != nil {
		return nil, fmt.Errorf("folder of the stand-in world: %w", err)
	}
	w := &World{options: o, Home: filepath.Join(dir, "home"), StateDir: filepath.Join(dir, "state")}
	for _, step := range []func() error{w.startHost, w.startGit, w.startVault, w.applyStacks, w.startPrometheus} {
		if err := step(); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

// ErrNotEmpty says that the folder for the world holds what the world might
// overwrite.
var ErrNotEmpty = errors.New("the folder is not empty")

func isEmpty(dir string) error {
	present, err := os.ReadDir(dir)
	if err == nil && len(present) > 0 {
		err = fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	return err
}

// Close stops every server. The folder stays, for those who want to look.
func (w *World) Close() error {
	var problems []error
	for _, server := range w.servers {
		problems = append(problems, server.Close())
	}
	w.servers = nil
	return errors.Join(problems...)
}

func (w *World) bin() string { return filepath.Join(w.options.Dir, "bin") }

// startHost makes the dev host: SSH, the agent in ~/.local/bin, Terraform on
// the PATH.
func (w *World) startHost() error {
	var err error
	if w.SSH, err = ssh.Start(ssh.Options{Home: w.Home, Bin: w.bin()}); err != nil {
		return err
	}
	w.servers = append(w.servers, w.SSH)
	if w.options.Jump {
		if w.Jump, err = ssh.Start(ssh.Options{User: "jump", Home: filepath.Join(w.options.Dir, "jump"), Key: w.SSH.PrivateKey()}); err != nil {
			return err
		}
		w.servers = append(w.servers, w.Jump)
	}
	if w.Slack, err = slack.Start(); err != nil {
		return err
	}
	w.servers = append(w.servers, w.Slack)
	if w.Agent, err = agent.Install(w.Home, w.options.Executable); err != nil {
		return err
	}
	script := w.options.AgentScript
	if script == "" {
		script = SampleAgent
	}
	if err := w.Agent.SetScript(script); err != nil {
		return err
	}
	if w.options.Terraform == "" {
		w.Terraform, err = terraform.Install(w.bin(), filepath.Join(w.options.Dir, "terraform"), w.options.Executable)
		return err
	}
	return w.useRealTerraform()
}

// useRealTerraform wraps a real program so that no settings of the machine's
// user reach it.
func (w *World) useRealTerraform() error {
	settings := filepath.Join(w.options.Dir, "terraform.rc")
	w.Terraform = &terraform.Terraform{Program: filepath.Join(w.bin(), "terraform")}
	script := fmt.Sprintf("#!/bin/sh\nTF_CLI_CONFIG_FILE=%s CHECKPOINT_DISABLE=1 exec %s \"$@\"\n", program.Quote(settings), program.Quote(w.options.Terraform))
	err := errors.Join(
		os.MkdirAll(w.bin(), 0o750),
		os.WriteFile(settings, nil, 0o600),
		os.WriteFile(w.Terraform.Program, []byte(script), 0o755),
	)
	if err != nil {
		return fmt.Errorf("wrapper of the real Terraform: %w", err)
	}
	return nil
}

// startGit starts the remote and commits the sample: first the infrastructure,
// then, as a push would, the post-mortems.
func (w *World) startGit() error {
	var err error
	w.Git, err = git.Start(git.Options{
		Dir: filepath.Join(w.options.Dir, "git"), Username: SampleUser, Password: samplePassword,
		AllowAnySHA1: true, AllowFilter: true,
	})
	if err != nil {
		return err
	}
	w.servers = append(w.servers, w.Git)
	if w.Repo, err = w.Git.Create(SampleRepository, SampleBranch); err != nil {
		return err
	}
	w.Repo.Executable = w.options.ExecutableFiles
	files, err := w.files()
	if err != nil {
		return err
	}
	documents := map[string]string{}
	for name, content := range files {
		if strings.HasPrefix(name, "docs/post-mortems/") {
			documents[name] = content
			delete(files, name)
		}
	}
	if w.First, err = w.Repo.Commit(SampleBranch, "Describe the site as Terraform stacks\n", files); err != nil {
		return err
	}
	w.Second, err = w.Repo.Commit(SampleBranch, "docs: post-mortems of this spring\n", documents)
	return err
}

// files are the sample's with those of the options in their place.
func (w *World) files() (map[string]string, error) {
	sample, err := fs.Sub(sampleFiles, "sample")
	if err != nil {
		return nil, fmt.Errorf("embedded sample: %w", err)
	}
	files, err := readAll(sample)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(files, func(name, _ string) bool {
		for _, left := range w.options.Without {
			if name == left || strings.HasSuffix(left, "/") && strings.HasPrefix(name, left) {
				return true
			}
		}
		return false
	})
	maps.Copy(files, w.options.Files)
	for name, content := range files {
		if strings.HasSuffix(name, ".tf") {
			files[name] = strings.ReplaceAll(content, statePlaceholder, filepath.ToSlash(w.StateDir))
		}
	}
	return files, nil
}

// readAll is every file of a file system.
func readAll(source fs.FS) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(source, path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("embedded sample: %w", err)
	}
	return files, nil
}

// startVault keeps the host's key, its host keys and the webhook where the
// default settings look for them.
func (w *World) startVault() error {
	known := w.SSH.KnownHosts()
	if w.Jump != nil {
		known += "\n" + w.Jump.KnownHosts()
	}
	var err error
	w.Vault, err = vault.Start(vault.Options{
		Role: "ci", JWT: sampleJWT,
		Secrets: map[string]map[string]string{"ci/infra": {
			"devvm_ssh_key": w.SSH.PrivateKey(), "known_hosts": known + "\n", "slack_webhook": w.Slack.WebhookURL(),
		}},
	})
	if err != nil {
		return err
	}
	w.servers = append(w.servers, w.Vault)
	// A projected token file ends as its writer likes; here with a newline.
	if err := os.WriteFile(w.tokenFile(), []byte(sampleJWT+"\n"), 0o600); err != nil {
		return fmt.Errorf("service-account token of the stand-in world: %w", err)
	}
	return nil
}

// startPrometheus starts one in which the retransmissions of the sample's incident
// began six minutes after the reboot.
func (w *World) startPrometheus() (err error) {
	if !w.options.Prometheus {
		return nil
	}
	began := time.Date(2026, 4, 14, 9, 46, 0, 0, time.UTC)
	w.Metrics, err = prometheus.Start(began, began.Add(2*time.Hour), w.applied)
	if err == nil {
		w.servers = append(w.servers, w.Metrics)
	}
	return err
}

// applied is the texts that the stacks with rules and monitors hold by now.
func (w *World) applied() (texts []string, err error) {
	for _, stack := range []string{"monitoring", "uptime-kuma"} {
		inputs, err := w.State(stack)
		if err != nil {
			return nil, err
		}
		for _, one := range inputs {
			if text, ok := one.(string); ok {
				texts = append(texts, text)
			}
		}
	}
	return texts, nil
}

func (w *World) tokenFile() string { return filepath.Join(w.options.Dir, "service-account-token") }

// applyStacks creates what the sample describes, so that runs find an
// infrastructure with history.
func (w *World) applyStacks() error {
	files, err := w.files()
	if err != nil {
		return err
	}
	checkout := filepath.Join(w.options.Dir, "first-apply")
	stacks := map[string]bool{}
	for name, content := range files {
		if !strings.HasPrefix(name, "stacks/") && !strings.HasPrefix(name, "modules/") {
			continue
		}
		stack := path.Dir(name)
		if path.Dir(stack) == "stacks" && path.Ext(name) == ".tf" {
			stacks[stack] = true
		}
		target := filepath.Join(checkout, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o750), os.WriteFile(target, []byte(content), 0o600)); err != nil {
			return fmt.Errorf("first apply of %s: %w", name, err)
		}
	}
	if err := os.MkdirAll(w.StateDir, 0o750); err != nil {
		return fmt.Errorf("folder of the states: %w", err)
	}
	for stack := range stacks {
		for _, args := range [][]string{{"init", "-input=false", "-no-color"}, {"apply", "-auto-approve", "-no-color"}} {
			if err := w.runTerraform(filepath.Join(checkout, filepath.FromSlash(stack)), args); err != nil {
				return fmt.Errorf("first apply of %s: %w", stack, err)
			}
		}
	}
	return os.RemoveAll(checkout)
}

// runTerraform runs the stand-in within this process, without a record and
// without what the tests want of it, or else the real program.
func (w *World) runTerraform(dir string, args []string) error {
	var output bytes.Buffer
	if w.options.Terraform == "" {
		if code := terraform.Run(dir, args, &output); code != 0 {
			return fmt.Errorf("terraform %s: exit %d: %s", args[0], code, output.String())
		}
		return nil
	}
	cmd := exec.Command(w.Terraform.Program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("terraform %s: %w: %s", args[0], err, output.String())
	}
	return nil
}

// State is what the state of a stack, such as "monitoring", holds: the inputs
// of its resources by address.
func (w *World) State(stack string) (map[string]any, error) {
	return terraform.StateInputs(filepath.Join(w.StateDir, stack+".tfstate"))
}

// Workspace is the folder of CI_WORKSPACE, where a run leaves its summaries.
func (w *World) Workspace() string { return filepath.Join(w.options.Dir, "workspace") }

// Secrets are texts that no log and no file of a run may contain: the host's
// private key, the git password, the JWT and the webhook.
func (w *World) Secrets() []string {
	return []string{w.SSH.PrivateKey(), samplePassword, sampleJWT, w.Slack.WebhookURL()}
}

// Settings are the environment of a run against this world, as Woodpecker
// gives it after the push of the post-mortems: PLUGIN_* and CI_* variables.
func (w *World) Settings() map[string]string {
	settings := map[string]string{
		"CI":                     "woodpecker",
		"CI_REPO":                w.Repo.Name(),
		"CI_REPO_CLONE_URL":      w.Repo.URL(),
		"CI_REPO_URL":            w.Repo.PageURL(),
		"CI_FORGE_TYPE":          "gitea",
		"CI_REPO_DEFAULT_BRANCH": SampleBranch,
		"CI_COMMIT_BRANCH":       SampleBranch,
		"CI_COMMIT_REF":          "refs/heads/" + SampleBranch,
		"CI_COMMIT_SHA":          w.Second,
		"CI_PREV_COMMIT_SHA":     w.First,
		"CI_PIPELINE_EVENT":      "push",
		"CI_PIPELINE_NUMBER":     "7",
		"CI_PIPELINE_URL":        "https://ci.example.org/repos/1/pipeline/7",
		"CI_STEP_TYPE":           "plugin",
		"CI_WORKSPACE":           w.Workspace(),
		"PLUGIN_GIT_USERNAME":    SampleUser,
		"PLUGIN_GIT_PASSWORD":    samplePassword,
		"PLUGIN_VAULT_ADDR":      w.Vault.Addr(),
		"PLUGIN_VAULT_JWT_PATH":  w.tokenFile(),
		"PLUGIN_HOSTS":           w.SSH.Target(),
		// The stand-in of the agent notes what it is told in a folder of its own.
		"PLUGIN_SANDBOX": "off",
	}
	if w.Jump != nil {
		settings["PLUGIN_JUMP_HOST"] = w.Jump.Target()
	}
	if w.Metrics != nil {
		settings["PLUGIN_PROMETHEUS_URL"] = w.Metrics.URL
	}
	if w.options.Local {
		settings["PLUGIN_HOSTS"] = "local"
		settings["PLUGIN_AGENT_COMMAND"] = w.Agent.Program
		settings["PLUGIN_TERRAFORM"] = w.Terraform.Program
	}
	return settings
}
