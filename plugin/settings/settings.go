// Package settings holds every setting once: its name, default, reader and
// documentation. It reads them from texts that are handed in, tells everything
// that is wrong with them at once, and contacts nothing.
package settings

import (
	"path/filepath"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/secret"
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

// VaultAuth is the method by which the program logs in to Vault.
type VaultAuth string

// The methods.
const (
	AuthKubernetes VaultAuth = "kubernetes"
	AuthJWT        VaultAuth = "jwt"
	AuthAppRole    VaultAuth = "approle"
	AuthToken      VaultAuth = "token"
)

// LocalHost is the entry of hosts that means this machine, without SSH.
const LocalHost = "local"

// Settings is everything that decides a run: the settings block, completed by
// the defaults, and what Woodpecker says of the pipeline. It is data only,
// checked as a whole before it leaves Read. Defaults that need the
// repository's content are decided by methods, once that content is known.
type Settings struct {
	Mode       Mode
	RunTimeout time.Duration

	Repository Repository
	Documents  Documents
	Vault      Vault
	Hosts      Hosts
	Agent      Agent
	Terraform  Terraform
	Report     Report
	CI         CI
}

// Repository say where the documents are and how to publish to them.
type Repository struct {
	Remote      string        // https or ssh URL, scp-like address, or path
	Branch      string        // read from and published to
	Username    string        // of HTTPS; from netrc when its machine is the remote's host
	Password    secret.String // of HTTPS
	SSHKey      secret.String // private key of ssh remotes
	CACert      string        // PEM, trusted beside the system's certificates; of Vault and chat too
	Proxy       secret.String // URL of an HTTP proxy for https; of Vault and chat too
	NoProxy     []string      // hosts that are reached without it
	KnownHosts  string        // known_hosts lines of ssh remotes
	StateRefs   string        // where our refs stand on the remote
	SigningKey  secret.String // signs the commits; empty: none
	AuthorName  string        // of the commits
	AuthorEmail string        // of the commits
	CommitURL   string        // template with {sha}; empty: see Settings.CommitLink
	PagesURL    string        // template with {file}; empty: no links
}

// Documents say which post-mortems are read and which items count.
type Documents struct {
	PostMortems   []string             // globs, ** allowed
	Scope         Scope                // resolved: never empty
	Since         string               // commit or ref; empty: the last completed run, else CI.PrevSHA
	SafeTypes     []string             // canonical names, a subset of Alert, Config, Monitor
	InferredTypes postmortem.Inference // where an inferred type may be acted on
	MaxItems      int                  // per run
	MaxAttempts   int                  // failed attempts before an item is left to a person
	Index         string               // path; empty: DefaultIndex if it carries our marker
}

// Vault say how the private key is fetched. Addr is empty when Vault
// is not used.
type Vault struct {
	Addr       string
	Auth       VaultAuth
	AuthMount  string // never empty: the method's name unless set
	Role       string
	JWTPath    string
	RoleID     string
	SecretID   secret.String
	Token      secret.String
	Namespace  string
	CACert     string // PEM
	Secret     string // path of the secret, with or without the data/ of KV v2
	Field      string // holds the private key
	AgentField string // holds the agent host's private key; never empty: Field unless set
	SSHMount   string // Vault's SSH engine, used instead of Field
	SSHRole    string
	Timeout    time.Duration // of everything asked of Vault; 0: the room's own. No setting
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
	Workdir        string   // a person's checkout, the source of Carry files only
	Carry          []string // globs of ignored files
	PrepareCommand string   // the owner's own shell text
}

// Agent say what the agent is and what it may cost.
type Agent struct {
	Name        string // of the agent definition
	Command     string // program on the host
	Model       string // empty: the definition's
	BudgetUSD   float64
	ItemTimeout time.Duration
}

// Terraform say what may change and how it is planned. The program and
// its arguments are empty when unset: see Settings.TerraformCommands.
type Terraform struct {
	Stacks         []string            // globs of folders
	Protected      []string            // stack names, the built-in ones included
	AllowPaths     []string            // globs
	TypePaths      map[string][]string // globs by type; nil when unset: see Settings.TypePaths
	AllowResources map[string][]string // address patterns by type
	// AutomaticCreates are resource types by item type that may be created
	// automatically, beside those of the cards.
	AutomaticCreates map[string][]string
	MaxChanges       int
	Tolerated        []string // resource addresses
	StatePaths       []string // globs
	Program          string
	InitArgs         []string
	PlanArgs         []string
	ShowArgs         []string
	ApplyArgs        []string
	VerifyCommand    string // the owner's own shell text
	LockTimeout      time.Duration
}

// Report say who hears of the run, and how it is logged.
type Report struct {
	notify.Config
	SummaryDir string // relative to CI.Workspace, else to the current folder
	LogLevel   string // zerolog's name
	LogFormat  string // console or json
}

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

// Way is how the forge, Vault and chat are reached by HTTP.
func (s Settings) Way() egress.Way {
	return egress.Way{CACert: s.Repository.CACert, Proxy: s.Repository.Proxy, NoProxy: s.Repository.NoProxy}
}

// Secrets is every secret that the settings hold, for the redactor.
func (s Settings) Secrets() []secret.String {
	all := []secret.String{
		s.Repository.Password, s.Repository.SSHKey, s.Repository.SigningKey, s.Repository.Proxy, s.Way().ProxyPassword(),
		s.Vault.SecretID, s.Vault.Token,
		s.Hosts.SSHKey, s.Hosts.AgentSSHKey,
		s.Report.SlackWebhook, s.Report.SlackToken, s.Report.ChatWebhook,
		s.CI.Netrc.Password,
	}
	// GitHub's netrc has the token as its login and this word as its password.
	if s.CI.Netrc.Password.Reveal() == "x-oauth-basic" {
		all = append(all, s.CI.Netrc.Username)
	}
	var held []secret.String
	for _, one := range all {
		if !one.Empty() {
			held = append(held, one)
		}
	}
	return held
}

// DocumentPolicy is what the settings say of which items are safe.
func (s Settings) DocumentPolicy() postmortem.Policy {
	policy := postmortem.Policy{
		Inferred:   s.Documents.InferredTypes,
		Protected:  s.Terraform.Protected,
		AllowPaths: s.Terraform.AllowPaths,
	}
	for _, name := range s.Documents.SafeTypes {
		policy.SafeTypes = append(policy.SafeTypes, postmortem.Type(name))
	}
	return policy
}

// SummaryDir is the folder of the summaries.
func (s Settings) SummaryDir() string {
	if dir := s.Report.SummaryDir; filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(s.CI.Workspace, s.Report.SummaryDir)
}
