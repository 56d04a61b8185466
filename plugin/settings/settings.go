// Package settings holds every setting once: its name, default, reader and
// documentation. It reads them from texts that are handed in, tells everything
// that is wrong with them at once, and contacts nothing.
package settings

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/target"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// Mode is how far a run goes.
type Mode string

// The modes.
const (
	ModeApply   Mode = "apply"   // the whole run
	ModePropose Mode = "propose" // everything but apply: a branch for a person to merge
	ModeDryRun  Mode = "dry-run" // all that is free; changes nothing anywhere
)

// Scope is which documents a run looks at.
type Scope string

// The scopes.
const (
	ScopeChanged Scope = "changed" // those that changed since a base, and unfinished ones
	ScopeAll     Scope = "all"     // every one
)

// LocalHost is the entry of hosts that means this machine, without SSH.
const LocalHost = "local"

// Settings is everything that decides a run: the settings block, completed by
// the defaults, and what Woodpecker says of the pipeline. It is data only,
// checked as a whole before it leaves Read. Defaults that need the
// repository's content are decided by methods, once that content is known.
type Settings struct {
	Mode        Mode
	ApplyMerged Switch // what a person merged is applied
	RunTimeout  time.Duration

	Repository Repository
	Documents  Documents
	Vault      Vault
	Hosts      Hosts
	Agent      Agent
	Terraform  Terraform
	Evidence   evidence.Config
	Report     Report
	CI         CI
}

// Repository says where the documents are and how to publish to them. Proxy and
// authorities of its way serve Vault and chat too.
type Repository struct {
	gitrepo.Options
	ForgeKind  string        // one of forge.Kinds, or NoForge; empty: by host or CI.ForgeType
	ForgeToken secret.String // empty: Password
	CommitURL  string        // template with {sha}; empty: see Settings.CommitLink
	BranchURL  string        // template with {branch}; empty: see Settings.BranchTemplate
	PagesURL   string        // template with {file}; empty: no links
}

// Documents say which post-mortems are read and which items count.
type Documents struct {
	PostMortems   []string           // globs, ** allowed
	Scope         Scope              // resolved: never empty
	Since         string             // commit or ref; empty: the last completed run, else CI.PrevSHA
	SafeTypes     []string           // canonical names, a subset of Alert, Config, Monitor
	InferredTypes classify.Inference // where an inferred type may be acted on
	MaxItems      int                // per run
	MaxAttempts   int                // failed attempts after which an item needs a person
	Doubtful      Doubtful           // what becomes of what the gates cannot prove
	MaxProposals  int                // open at a time
	Shard         shard.Shard        // whose items a run takes up
	Index         string             // path; empty: DefaultIndex if it carries our marker
}

// Doubtful says what becomes of a change that the gates cannot prove, and of items
// that need an approval.
type Doubtful string

// The ways.
const (
	DoubtfulPropose Doubtful = "propose" // it is put before a person as a proposal
	DoubtfulLeave   Doubtful = "leave"   // a person does it
)

// Proposes reports whether a run may put something before a person.
func (s Settings) Proposes() bool {
	return s.Mode == ModePropose || s.Documents.Doubtful == DoubtfulPropose
}

// Vault says how the private key is fetched. Its Addr is empty when Vault is not
// used.
type Vault struct {
	vault.Config
	Field      string // holds the private key
	AgentField string // holds the agent host's private key; never empty: Field unless set
}

// Hosts say where Terraform and the agent run.
type Hosts struct {
	Hosts          []string // user@host[:port] or "local", tried in order; never empty
	AgentHosts     []string // never empty: Hosts unless set
	KnownHosts     string   // known_hosts lines
	Fingerprints   []string // SHA256:…
	JumpHost       string
	SSHKey         secret.String
	AgentSSHKey    secret.String // empty: SSHKey
	ConnectTimeout time.Duration
	Prepare        host.Prepare
}

// Agent say what the agent is and what it may cost.
type Agent struct {
	Name        string // of the agent definition
	Command     string // program on the host
	Kind        string // of agent.Kinds; empty: that of Command
	Model       string // empty: the definition's
	BudgetUSD   float64
	MonthUSD    float64 // for all runs of a calendar month; 0 for no limit
	ItemTimeout time.Duration
	Parallel    int // agents at the same time, at most
	Sandbox     sandbox.Policy

	Network      AgentNetwork // empty: ModelNetwork as far as a host can do it
	AllowedHosts []string     // what the agent reaches beside its model, as HOST or HOST:PORT
}

// Switch is a setting that is on or off.
type Switch string

// What stands there.
const (
	On  Switch = "true"
	Off Switch = "false"
)

// AgentNetwork is what the agent reaches from its sandbox.
type AgentNetwork string

// The networks of a sandbox.
const (
	ModelNetwork AgentNetwork = "model" // the servers of its model
	HostNetwork  AgentNetwork = "host"  // what the host reaches
)

// Terraform say what may change and how it is planned.
type Terraform struct {
	policy.Scope                // TypePaths are nil when unset: see Settings.ScopeIn
	Commands      host.Commands // what is empty is unset: see Settings.TerraformCommands
	VerifyCommand string        // the owner's own shell text
	LockTimeout   time.Duration
}

// Report say who hears of the run, and how it is logged.
type Report struct {
	notify.Config
	Targets    target.Targets
	Digest     Digest
	Issues     Switch        // an issue for each item that needs a person
	SummaryDir string        // relative to CI.Workspace, else to the current folder
	Metrics    string        // file, likewise; "" for none
	Gateway    secret.String // URL of a Pushgateway
	LogLevel   string        // zerolog's name
	LogFormat  string        // console or json
}

// Digest is how often the chats are told of all open items.
type Digest string

// The digests.
const (
	NoDigest     Digest = "off"
	WeeklyDigest Digest = "weekly"
)

// CI is what Woodpecker says of the pipeline. Every field is empty outside it.
type CI struct {
	Event          string // push, pull_request, cron, manual and so on
	SHA            string // CI_COMMIT_SHA
	Ref            string // CI_COMMIT_REF
	Branch         string // CI_COMMIT_BRANCH: the target branch on pull-request events
	PrevSHA        string // CI_PREV_COMMIT_SHA: a hint, sometimes wrong or unreachable
	DefaultBranch  string
	PipelineNumber string
	PipelineURL    string
	RepoName       string // owner/name
	RepoURL        string // the forge's page
	ForgeType      string // gitea, forgejo, github, gitlab, bitbucket and so on
	CloneURL       string
	Workspace      string
	StepType       string // "plugin" in a plugin step
	Netrc          Netrc
}

// Netrc is the login that Woodpecker hands to trusted plugins.
type Netrc struct {
	Machine  string
	Username secret.String // some forges put the token here
	Password secret.String
}

// PullRequest reports whether the run is a lint of a pull request: it ends after
// classification and uses no secret.
func (c CI) PullRequest() bool {
	switch c.Event {
	case "pull_request", "pull_request_closed", "pull_request_metadata":
		return true
	default:
		return false
	}
}

// Secrets is every secret that the settings hold, for the redactor.
func (s Settings) Secrets() []secret.String {
	all := []secret.String{s.Repository.Way.ProxyPassword(), s.CI.Netrc.Password}
	for _, e := range s.entries() {
		if e.Secret() {
			all = append(all, *e.secret)
		}
	}
	// What else there is to hide of them.
	all = append(all, s.Report.Secrets()...)
	// GitHub's netrc has the token as its login and this word as its password.
	if s.CI.Netrc.Password.Reveal() == "x-oauth-basic" {
		all = append(all, s.CI.Netrc.Username)
	}
	var held []secret.String
	for _, one := range all {
		if !one.Empty() && !slices.Contains(held, one) {
			held = append(held, one)
		}
	}
	return held
}

// DocumentPolicy is what the settings say of which items are safe.
func (s Settings) DocumentPolicy() classify.Policy {
	policy := classify.Policy{
		Inferred:   s.Documents.InferredTypes,
		Protected:  s.Terraform.Protected,
		AllowPaths: s.Terraform.AllowPaths,
	}
	for _, name := range s.Documents.SafeTypes {
		policy.SafeTypes = append(policy.SafeTypes, term.Type(name))
	}
	return policy
}

// SummaryDir is the folder of the summaries.
func (s Settings) SummaryDir() string { return s.inWorkspace(s.Report.SummaryDir) }

// MetricsFile is the file that takes the metrics, "" for none.
func (s Settings) MetricsFile() string {
	if s.Report.Metrics == "" {
		return ""
	}
	return s.inWorkspace(s.Report.Metrics)
}

func (s Settings) inWorkspace(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.CI.Workspace, path)
}
