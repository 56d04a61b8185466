package plugin

import (
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// entry is one setting. The flags, the reading of the environment, the names
// in messages, the help and docs/settings.md all come from these entries.
type entry struct {
	name     string   // as in the settings block: snake case
	fallback []string // CI variables that stand in for it, in order
	standard string   // default, as it would be written; "" when there is none or it is decided later
	told     string   // what the docs say of the default, when standard does not tell it
	usage    string   // one sentence or two, Markdown
	secret   bool     // comes by from_secret and is never shown
	parse    bool     // also a flag of the commands that read documents
	search   bool     // also a flag of the commands that look for documents
	read     reader
}

// group is the settings of one matter, under one heading.
type group struct {
	title   string
	entries []entry
}

// groups is every setting, in the order of the docs and of messages.
var groups = []group{
	{"Run", runEntries},
	{"Repository", repositoryEntries},
	{"Documents", documentEntries},
	{"Vault", vaultEntries},
	{"Hosts", hostEntries},
	{"Agent", agentEntries},
	{"Terraform", terraformEntries},
	{"Report", reportEntries},
}

// entries is every setting in order.
func entries() []entry {
	var all []entry
	for _, g := range groups {
		all = append(all, g.entries...)
	}
	return all
}

// settingNames is the name of every setting in order.
func settingNames() []string {
	var names []string
	for _, e := range entries() {
		names = append(names, e.name)
	}
	return names
}

var runEntries = []entry{
	{
		name: "mode", standard: string(ModeApply),
		usage: "`apply` is the whole run. `propose` does everything but apply and leaves a branch for a person to merge. `dry-run` does all that is free and changes nothing anywhere.",
		read:  asChoice(func(s *Settings) *Mode { return &s.Mode }, ModeApply, ModePropose, ModeDryRun),
	},
	{
		name: "run_timeout", standard: "50m",
		usage: "Limit of the whole run. Keep it below Woodpecker's own limit.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.RunTimeout }, false),
	},
}

var repositoryEntries = []entry{
	{
		name: "remote", fallback: []string{"CI_REPO_CLONE_URL"},
		usage: "Repository to clone and push to: a https or ssh URL, or a path.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Remote }, address),
	},
	{
		name: "branch", fallback: []string{"CI_COMMIT_BRANCH", "CI_REPO_DEFAULT_BRANCH"},
		usage: "Branch to read and to publish to.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Branch }, gitrepo.CheckBranch),
	},
	{
		name: "git_username", told: "`git` when only a password is given; `CI_NETRC_USERNAME` when neither is and `CI_NETRC_MACHINE` is the remote's host",
		usage: "Login for a https remote. Most forges take any name with a token.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Username }),
	},
	{
		name: "git_password", secret: true, told: "`CI_NETRC_PASSWORD` when `CI_NETRC_MACHINE` is the remote's host",
		usage: "Password or token for a https remote. Refused over plain http, except to this machine.",
		read:  asSecret(func(s *Settings) *secret.String { return &s.Repository.Password }),
	},
	{
		name: "git_ssh_key", secret: true,
		usage: "Private key for an ssh remote, OpenSSH or PEM. A key that a store hands out with escaped line ends, in JSON quotes or in base64 is understood; so are known hosts and certificates.",
		read:  asKey(func(s *Settings) *secret.String { return &s.Repository.SSHKey }),
	},
	{
		name:  "git_known_hosts",
		usage: "`known_hosts` lines of an ssh remote; required for one. Lines that are not understood are skipped with a warning.",
		read:  asPasted(func(s *Settings) *string { return &s.Repository.KnownHosts }, knownHosts),
	},
	{
		name: "state_refs", standard: "refs/pm-todos",
		usage: "Where lock, ledger and journals stand on the remote. Some forges take only branches and tags: `heads/pm-todos-state` makes them branches below that name, with `[ci skip]` in every commit.",
		read:  asText(func(s *Settings) *string { return &s.Repository.StateRefs }, gitrepo.CheckStateRefs),
	},
	{
		name: "git_signing_key", secret: true,
		usage: "OpenSSH private key that signs every commit of this program, for remotes that demand signed commits. Give its public half to the forge as a signing key of the account, and set `author_email` to an address of that account.",
		read:  asKey(func(s *Settings) *secret.String { return &s.Repository.SigningKey }),
	},
	{
		name:  "git_ca_cert",
		usage: "PEM of a private CA, trusted beside the system's: for a https remote, Vault (unless `vault_ca_cert` is set) and Slack.",
		read:  asPasted(func(s *Settings) *string { return &s.Repository.CACert }, certificates),
	},
	{
		name: "proxy", secret: true,
		usage: "URL of an HTTP proxy, `http://[USER:PASSWORD@]HOST:PORT`, through which a https remote, https Vault and Slack are reached. Plain http and SSH never go through it. Proxy variables of the environment are not read.",
		read:  asSecret(func(s *Settings) *secret.String { return &s.Repository.Proxy }, egress.CheckProxy),
	},
	{
		name:  "no_proxy",
		usage: "List of hosts that are reached without `proxy`: names (`vault.example.org`), domains (`.example.org`), addresses and ranges (`10.0.0.0/8`), each with a port if need be. This machine always is.",
		read:  asList(func(s *Settings) *[]string { return &s.Repository.NoProxy }, word),
	},
	{
		name: "author_name", standard: "pm-todos",
		usage: "Name in the commits.",
		read:  asText(func(s *Settings) *string { return &s.Repository.AuthorName }, identity),
	},
	{
		name: "author_email", standard: "pm-todos@localhost",
		usage: "Address in the commits.",
		read:  asText(func(s *Settings) *string { return &s.Repository.AuthorEmail }, identity),
	},
	{
		name: "commit_url", told: "from `remote`, else from `CI_REPO_URL`: `<repository>/commit/{sha}`",
		usage: "Link of a commit; `{sha}` is replaced by its hash.",
		read:  asText(func(s *Settings) *string { return &s.Repository.CommitURL }, webURL, holds("{sha}")),
	},
	{
		name:  "pages_url",
		usage: "Link of a published post-mortem. `{file}` is replaced by the document's path in the repository, `{name}` by its file name without extension.",
		read:  asText(func(s *Settings) *string { return &s.Repository.PagesURL }, webURL, holds("{file}", "{name}")),
	},
}

var documentEntries = []entry{
	{
		name: "post_mortems", standard: "docs/post-mortems/*.md", search: true,
		usage: "List of globs of the documents; `**` matches any number of folders.",
		read:  asList(func(s *Settings) *[]string { return &s.Documents.PostMortems }, glob),
	},
	{
		name: "scope", told: "`changed` on push, else `all`",
		usage: "`changed` looks at the documents that differ from those of the commit `since`, and at those with unfinished items; `all` looks at every one.",
		read:  asChoice(func(s *Settings) *Scope { return &s.Documents.Scope }, ScopeChanged, ScopeAll),
	},
	{
		name: "since", told: "the last completed run, else `CI_PREV_COMMIT_SHA`",
		usage: "Commit to compare with under `scope: changed`, by its full hash.",
		read:  asText(func(s *Settings) *string { return &s.Documents.Since }, commitHash),
	},
	{
		name: "safe_types", standard: "Alert,Config,Monitor", parse: true,
		usage: "Types of items that may be implemented without a person. The set can only be narrowed.",
		read:  asSafeTypes,
	},
	{
		name: "inferred_types", standard: "tables", parse: true,
		usage: "What to do with a type that is inferred from the action: `review` never acts on it, `tables` does in legacy tables, `all` in task lists too (Alert and Monitor only).",
		read:  asInference,
	},
	{
		name: "max_items", standard: "5",
		usage: "Items to implement in one run.",
		read:  asCount(func(s *Settings) *int { return &s.Documents.MaxItems }, 0),
	},
	{
		name: "max_attempts", standard: "2",
		usage: "Failed attempts before an item is left to a person.",
		read:  asCount(func(s *Settings) *int { return &s.Documents.MaxAttempts }, 1),
	},
	{
		name: "index", told: "`" + DefaultIndex + "` if it carries this program's marker",
		usage: "HTML overview to write again together with the documents.",
		read:  asText(func(s *Settings) *string { return &s.Documents.Index }, repositoryPath),
	},
}

// asSafeTypes reads safe_types in the usual spelling.
func asSafeTypes(s *Settings, text string) error {
	err := asList(func(s *Settings) *[]string { return &s.Documents.SafeTypes }, safeType)(s, text)
	var known []string
	for _, given := range s.Documents.SafeTypes {
		if name, ok := canonicalType(given); ok && !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	s.Documents.SafeTypes = known
	return err
}

// asInference reads inferred_types.
func asInference(s *Settings, text string) error {
	var spelled string
	err := asChoice(func(*Settings) *string { return &spelled }, "review", "tables", "all")(s, text)
	s.Documents.InferredTypes = map[string]postmortem.Inference{
		"review": postmortem.Review, "tables": postmortem.Tables, "all": postmortem.All,
	}[spelled]
	return err
}
