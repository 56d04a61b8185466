package settings

import (
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Entry is one setting. The flags, the reading of the environment, the names
// in messages, the help and docs/settings.md all come from these entries.
type Entry struct {
	Name    string   // as in the settings block: snake case
	CI      []string // CI variables that stand in for it, in order
	Default string   // as it would be written; "" when there is none or it is decided later
	told    string   // what the docs say of the default, when Default does not tell it
	Usage   string   // one sentence or two, Markdown
	read    reader

	// What comes by from_secret and is never shown has these instead of read.
	secret func(*Settings) *secret.String
	parse  func(text string) (secret.String, error)
}

// Secret reports whether the setting comes by from_secret and is never shown.
func (e Entry) Secret() bool { return e.secret != nil }

// set reads the setting's text.
func (e Entry) set(s *Settings, text string) (err error) {
	if !e.Secret() {
		return e.read(s, text)
	}
	*e.secret(s), err = e.parse(text)
	return err
}

// Variable is the environment variable of the setting.
func (e Entry) Variable() string { return Prefix + strings.ToUpper(e.Name) }

// DefaultText is the default as the help and the docs show it.
func (e Entry) DefaultText() string {
	switch {
	case e.told != "":
		return e.told
	case len(e.CI) > 0:
		return "`" + strings.Join(e.CI, "`, then `") + "`"
	case e.Default != "":
		return "`" + e.Default + "`"
	default:
		return ""
	}
}

// Group is the settings of one matter, under one heading.
type Group struct {
	Title   string
	Entries []Entry
}

// Groups is every setting, in the order of the docs and of messages.
func Groups() []Group {
	return []Group{
		{"Run", runEntries},
		{"Repository", repositoryEntries},
		{"Documents", documentEntries},
		{"Vault", vaultEntries},
		{"Hosts", hostEntries},
		{"Agent", agentEntries},
		{"Terraform", terraformEntries},
		{"Evidence", evidenceEntries},
		{"Report", reportEntries},
	}
}

// All is every setting in order.
func All() []Entry {
	var all []Entry
	for _, g := range Groups() {
		all = append(all, g.Entries...)
	}
	return all
}

// some is the settings with these names, in order.
func some(names []string) []Entry {
	return slices.DeleteFunc(All(), func(e Entry) bool { return !slices.Contains(names, e.Name) })
}

// names is the name of every setting in order.
func names() []string {
	var all []string
	for _, e := range All() {
		all = append(all, e.Name)
	}
	return all
}

var runEntries = []Entry{
	{
		Name: "mode", Default: string(ModeApply),
		Usage: "`apply` is the whole run. `propose` applies nothing but what you merged, and leaves a branch for you to merge. `dry-run` does everything that costs nothing, and changes nothing.",
		read:  asChoice(func(s *Settings) *Mode { return &s.Mode }, ModeApply, ModePropose, ModeDryRun),
	},
	{
		Name: "apply_merged", Default: string(On),
		Usage: "Apply what you merged: `true`, or `false` when another pipeline does that. The row is marked once a plan is empty.",
		read:  asChoice(func(s *Settings) *Switch { return &s.ApplyMerged }, On, Off),
	},
	{
		Name: "run_timeout", Default: "50m",
		Usage: "Time limit of the whole run. Keep it below Woodpecker's own limit.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.RunTimeout }, false),
	},
}

var repositoryEntries = []Entry{
	{
		Name: "remote", CI: []string{"CI_REPO_CLONE_URL"},
		Usage: "Repository to clone and push to: an https or ssh URL, or a path.",
		read:  asText(func(s *Settings) *string { return &s.Repository.URL }, address),
	},
	{
		Name: "branch", CI: []string{"CI_COMMIT_BRANCH", "CI_REPO_DEFAULT_BRANCH"},
		Usage: "Branch to read from and push to.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Branch }, refname.CheckBranch),
	},
	{
		Name: "git_username", told: "`git` when only a password is given; `CI_NETRC_USERNAME` when neither is and `CI_NETRC_MACHINE` is the remote's host",
		Usage: "User name for an https remote. Most forges accept any name with a token.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Username }),
	},
	{
		Name: "git_password", told: "`CI_NETRC_PASSWORD` when `CI_NETRC_MACHINE` is the remote's host",
		Usage:  "Password or token for an https remote. Refused over plain http, except to this machine.",
		secret: func(s *Settings) *secret.String { return &s.Repository.Password },
		parse:  asSecret(),
	},
	{
		Name: "forge", told: "by the remote's host, else `CI_FORGE_TYPE`",
		Usage: "The kind of forge on which proposals get a pull request: `" + strings.Join(forge.Kinds(), "`, `") + "`, or `none` for branches alone.",
		read:  asChoice(func(s *Settings) *string { return &s.Repository.ForgeKind }, append(forge.Kinds(), NoForge)...),
	},
	{
		Name: "forge_token", told: "`git_password`",
		Usage:  "Token that opens pull requests and, where it may, sets the status of their commits. It is sent to the forge's own API alone.",
		secret: func(s *Settings) *secret.String { return &s.Repository.ForgeToken },
		parse:  asSecret(),
	},
	{
		Name:   "git_ssh_key",
		Usage:  "Private key for an ssh remote, OpenSSH or PEM. Escaped line ends, JSON quotes and base64, as secret stores produce them, are decoded; also in known hosts and certificates.",
		secret: func(s *Settings) *secret.String { return &s.Repository.SSHKey },
		parse:  asKey,
	},
	{
		Name:  "git_known_hosts",
		Usage: "`known_hosts` lines of an ssh remote; required for one. Lines that cannot be parsed are skipped with a warning.",
		read:  asPasted(func(s *Settings) *[]byte { return &s.Repository.KnownHosts }, knownHosts),
	},
	{
		Name: "state_refs", Default: "refs/pm-todos",
		Usage: "Refs on the remote that hold lock, ledger and journals. Some forges accept only branches and tags: `heads/pm-todos-state` stores them as branches below that name, with `[ci skip]` in every commit.",
		read:  asText(func(s *Settings) *string { return &s.Repository.StateRefs }, refname.CheckStateRefs),
	},
	{
		Name:   "git_signing_key",
		Usage:  "OpenSSH private key that signs every commit of this program, for remotes that require signed commits. Add its public half to the account on the forge as a signing key, and set `author_email` to an address of that account.",
		secret: func(s *Settings) *secret.String { return &s.Repository.SigningKey },
		parse:  asKey,
	},
	{
		Name:  "git_ca_cert",
		Usage: "PEM of a private CA, trusted beside the system's: for an https remote, Vault (unless `vault_ca_cert` is set) and chats.",
		read:  asPasted(func(s *Settings) *string { return &s.Repository.Way.CACert }, certificates),
	},
	{
		Name:   "proxy",
		Usage:  "URL of an HTTP proxy, `http://[USER:PASSWORD@]HOST:PORT`, for an https remote, Vault over https, and chats. Plain http and SSH never use it. Proxy variables of the environment are not read.",
		secret: func(s *Settings) *secret.String { return &s.Repository.Way.Proxy },
		parse:  asSecret(egress.CheckProxy),
	},
	{
		Name:  "no_proxy",
		Usage: "List of hosts to connect to without `proxy`: names (`vault.example.org`), domains (`.example.org`), addresses and ranges (`10.0.0.0/8`), each with an optional port. This machine is always one of them.",
		read:  asList(func(s *Settings) *[]string { return &s.Repository.Way.NoProxy }, word),
	},
	{
		Name: "author_name", Default: "pm-todos",
		Usage: "Author name of the commits.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Author.Name }, identity),
	},
	{
		Name: "author_email", Default: "pm-todos@localhost",
		Usage: "Author email address of the commits.",
		read:  asText(func(s *Settings) *string { return &s.Repository.Author.Email }, identity),
	},
	{
		Name: "commit_url", told: "from `remote`, else from `CI_REPO_URL`: `<repository>/commit/{sha}`",
		Usage: "Link to a commit; `{sha}` is replaced by its hash.",
		read:  asText(func(s *Settings) *string { return &s.Repository.CommitURL }, CheckURL, holds("{sha}")),
	},
	{
		Name: "branch_url", told: "from `remote`, else from `CI_REPO_URL`, where the forge is known",
		Usage: "Link to a branch, for forges whose place for it is not known; `{branch}` is replaced by its name.",
		read:  asText(func(s *Settings) *string { return &s.Repository.BranchURL }, CheckURL, holds("{branch}")),
	},
	{
		Name:  "pages_url",
		Usage: "Link to a published post-mortem. `{file}` is replaced by the document's path in the repository, `{name}` by its file name without extension.",
		read:  asText(func(s *Settings) *string { return &s.Repository.PagesURL }, CheckURL, holds("{file}", "{name}")),
	},
}

var documentEntries = []Entry{
	{
		Name: "post_mortems", Default: "docs/post-mortems/*.md",
		Usage: "List of globs of the documents; `**` matches any number of folders.",
		read:  asList(func(s *Settings) *[]string { return &s.Documents.PostMortems }, glob),
	},
	{
		Name: "scope", told: "`changed` on push, else `all`",
		Usage: "`changed` reads the documents that differ from those of the commit `since`, and those with unfinished items; `all` reads every document.",
		read:  asChoice(func(s *Settings) *Scope { return &s.Documents.Scope }, ScopeChanged, ScopeAll),
	},
	{
		Name: "since", told: "the last completed run, else `CI_PREV_COMMIT_SHA`",
		Usage: "Full hash of the commit to compare with under `scope: changed`.",
		read:  asText(func(s *Settings) *string { return &s.Documents.Since }, commitHash),
	},
	{
		Name: "safe_types", Default: "Alert,Config,Monitor",
		Usage: "Types of items that may be implemented automatically. You can remove types, but not add any.",
		read:  asSafeTypes,
	},
	{
		Name: "inferred_types", Default: "tables",
		Usage: "What to do with items whose type is only inferred from the action: `review` proposes them at most, `tables` acts on those in legacy tables, `all` also on those in task lists (Alert and Monitor only).",
		read:  asInference,
	},
	{
		Name: "max_items", Default: "5",
		Usage: "Largest number of items to implement in one run.",
		read:  asCount(func(s *Settings) *int { return &s.Documents.MaxItems }, 0),
	},
	{
		Name:  "shard",
		Usage: "`2/5` takes up only the items whose stack falls to the second of five parts, for [several runs side by side](scaling.md). If unset, all.",
		read:  asShard,
	},
	{
		Name: "max_attempts", Default: "2",
		Usage: "Failed attempts after which an item needs a person.",
		read:  asCount(func(s *Settings) *int { return &s.Documents.MaxAttempts }, 1),
	},
	{
		Name: "doubtful", Default: string(DoubtfulPropose),
		Usage: "What to do with a change that the gates cannot prove to be what the item asks for, and with items that need an approval: `propose` puts them before a person as a pull request (or a branch), `leave` leaves them to people.",
		read:  asChoice(func(s *Settings) *Doubtful { return &s.Documents.Doubtful }, DoubtfulPropose, DoubtfulLeave),
	},
	{
		Name: "max_proposals", Default: "3",
		Usage: "Largest number of proposals that are open at a time. Further work waits for a free place.",
		read:  asCount(func(s *Settings) *int { return &s.Documents.MaxProposals }, 1),
	},
	{
		Name: "index", told: "`" + DefaultIndex + "` if it carries this program's marker",
		Usage: "Dashboard of all post-mortems to update together with the documents, as a page of HTML; its data and its feed stand beside it.",
		read:  asText(func(s *Settings) *string { return &s.Documents.Index }, repositoryPath),
	},
}

// asShard reads shard.
func asShard(s *Settings, text string) (err error) {
	s.Documents.Shard, err = shard.Parse(text)
	return err
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
	s.Documents.InferredTypes = map[string]classify.Inference{
		"review": classify.Review, "tables": classify.Tables, "all": classify.All,
	}[spelled]
	return err
}
