package settings

import (
	"slices"
	"strings"

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

	// What comes by from_secret and is never shown has these instead of read; parse
	// is that of one line when nil.
	secret *secret.String
	parse  func(text string) (secret.String, error)
}

// Secret reports whether the setting comes by from_secret and is never shown.
func (e Entry) Secret() bool { return e.secret != nil }

// set reads the setting's text.
func (e Entry) set(text string) error {
	switch {
	case !e.Secret():
		return e.read(text)
	case e.parse == nil:
		return asParsed(e.secret, asSecret())(text)
	}
	return asParsed(e.secret, e.parse)(text)
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
func Groups() []Group { return new(Settings).groups() }

// groups is every setting with the field that it is read into.
func (s *Settings) groups() []Group {
	return []Group{
		{"Run", runEntries(s)},
		{"Repository", repositoryEntries(s)},
		{"Documents", documentEntries(s)},
		{"Vault", vaultEntries(s)},
		{"Hosts", hostEntries(s)},
		{"Agent", agentEntries(s)},
		{"Terraform", terraformEntries(s)},
		{"Evidence", evidenceEntries(s)},
		{"Report", reportEntries(s)},
	}
}

// All is every setting in order.
func All() []Entry { return new(Settings).entries() }

func (s *Settings) entries() []Entry {
	var all []Entry
	for _, g := range s.groups() {
		all = append(all, g.Entries...)
	}
	return all
}

// names is the name of every setting in order.
func names() []string {
	var all []string
	for _, e := range All() {
		all = append(all, e.Name)
	}
	return all
}

func runEntries(s *Settings) []Entry {
	return []Entry{
		{
			Name: "mode", Default: string(ModeApply), read: asChoice(&s.Mode, ModeApply, ModePropose, ModeDryRun),
			Usage: "`apply` is the whole run. `propose` applies nothing but what you merged, and leaves a branch for you to merge. `dry-run` does everything that costs nothing, and changes nothing.",
		},
		{
			Name: "apply_merged", Default: string(On), read: asChoice(&s.ApplyMerged, On, Off),
			Usage: "Apply what you merged: `true`, or `false` when another pipeline does that. The row is marked once a plan is empty.",
		},
		{Name: "run_timeout", Default: "50m", read: asDuration(&s.RunTimeout, false), Usage: "Time limit of the whole run. Keep it below Woodpecker's own limit."},
	}
}

func repositoryEntries(s *Settings) []Entry {
	return []Entry{
		{Name: "remote", CI: []string{"CI_REPO_CLONE_URL"}, read: asText(&s.Repository.URL, address), Usage: "Repository to clone and push to: an https or ssh URL, or a path."},
		{Name: "branch", CI: []string{"CI_COMMIT_BRANCH", "CI_REPO_DEFAULT_BRANCH"}, read: asText(&s.Repository.Branch, refname.CheckBranch), Usage: "Branch to read from and push to."},
		{
			Name: "git_username", told: "`git` when only a password is given; `CI_NETRC_USERNAME` when neither is and `CI_NETRC_MACHINE` is the remote's host", read: asText(&s.Repository.Username),
			Usage: "User name for an https remote. Most forges accept any name with a token.",
		},
		{
			Name: "git_password", told: "`CI_NETRC_PASSWORD` when `CI_NETRC_MACHINE` is the remote's host", secret: &s.Repository.Password,
			Usage: "Password or token for an https remote. Refused over plain http, except to this machine.",
		},
		{
			Name: "forge", told: "by the remote's host, else `CI_FORGE_TYPE`", read: asChoice(&s.Repository.ForgeKind, append(forge.Kinds(), NoForge)...),
			Usage: "The kind of forge on which proposals get a pull request: `" + strings.Join(forge.Kinds(), "`, `") + "`, or `none` for branches alone.",
		},
		{
			Name: "forge_token", told: "`git_password`", secret: &s.Repository.ForgeToken,
			Usage: "Token that opens pull requests and, where it may, sets the status of their commits. It is sent to the forge's own API alone.",
		},
		{
			Name: "git_ssh_key", secret: &s.Repository.SSHKey, parse: asKey,
			Usage: "Private key for an ssh remote, OpenSSH or PEM. Escaped line ends, JSON quotes and base64, as secret stores produce them, are decoded; also in known hosts and certificates.",
		},
		{
			Name: "git_known_hosts", read: asPasted(&s.Repository.KnownHosts, knownHosts),
			Usage: "`known_hosts` lines of an ssh remote; required for one. Lines that cannot be parsed are skipped with a warning.",
		},
		{
			Name: "state_refs", Default: "refs/pm-todos", read: asText(&s.Repository.StateRefs, refname.CheckStateRefs),
			Usage: "Refs on the remote that hold lock, ledger and journals. Some forges accept only branches and tags: `heads/pm-todos-state` stores them as branches below that name, with `[ci skip]` in every commit.",
		},
		{
			Name: "git_signing_key", secret: &s.Repository.SigningKey, parse: asKey,
			Usage: "OpenSSH private key that signs every commit of this program, for remotes that require signed commits. Add its public half to the account on the forge as a signing key, and set `author_email` to an address of that account.",
		},
		{
			Name: "git_ca_cert", read: asPasted(&s.Repository.Way.CACert, certificates),
			Usage: "PEM of a private CA, trusted beside the system's: for an https remote, Vault (unless `vault_ca_cert` is set) and chats.",
		},
		{
			Name: "proxy", secret: &s.Repository.Way.Proxy, parse: asSecret(egress.CheckProxy),
			Usage: "URL of an HTTP proxy, `http://[USER:PASSWORD@]HOST:PORT`, for an https remote, Vault over https, and chats. Plain http and SSH never use it. Proxy variables of the environment are not read.",
		},
		{
			Name: "no_proxy", read: asList(&s.Repository.Way.NoProxy, word),
			Usage: "List of hosts to connect to without `proxy`: names (`vault.example.org`), domains (`.example.org`), addresses and ranges (`10.0.0.0/8`), each with an optional port. This machine is always one of them.",
		},
		{Name: "author_name", Default: "pm-todos", read: asText(&s.Repository.Author.Name, identity), Usage: "Author name of the commits."},
		{Name: "author_email", Default: "pm-todos@localhost", read: asText(&s.Repository.Author.Email, identity), Usage: "Author email address of the commits."},
		{
			Name: "commit_url", told: "from `remote`, else from `CI_REPO_URL`: `<repository>/commit/{sha}`", read: asText(&s.Repository.CommitURL, CheckURL, holds("{sha}")),
			Usage: "Link to a commit; `{sha}` is replaced by its hash.",
		},
		{
			Name: "branch_url", told: "from `remote`, else from `CI_REPO_URL`, where the forge is known", read: asText(&s.Repository.BranchURL, CheckURL, holds("{branch}")),
			Usage: "Link to a branch, for forges whose place for it is not known; `{branch}` is replaced by its name.",
		},
		{
			Name: "pages_url", read: asText(&s.Repository.PagesURL, CheckURL, holds("{file}", "{name}")),
			Usage: "Link to a published post-mortem. `{file}` is replaced by the document's path in the repository, `{name}` by its file name without extension.",
		},
	}
}

func documentEntries(s *Settings) []Entry {
	return []Entry{
		{Name: "post_mortems", Default: "docs/post-mortems/*.md", read: asList(&s.Documents.PostMortems, glob), Usage: "List of globs of the documents; `**` matches any number of folders."},
		{
			Name: "scope", told: "`changed` on push, else `all`", read: asChoice(&s.Documents.Scope, ScopeChanged, ScopeAll),
			Usage: "`changed` reads the documents that differ from those of the commit `since`, and those with unfinished items; `all` reads every document.",
		},
		{
			Name: "since", told: "the last completed run, else `CI_PREV_COMMIT_SHA`", read: asText(&s.Documents.Since, commitHash),
			Usage: "Full hash of the commit to compare with under `scope: changed`.",
		},
		{Name: "safe_types", Default: "Alert,Config,Monitor", read: asSafeTypes(&s.Documents.SafeTypes), Usage: "Types of items that may be implemented automatically. You can remove types, but not add any."},
		{
			Name: "inferred_types", Default: "tables", read: asInference(&s.Documents.InferredTypes),
			Usage: "What to do with items whose type is only inferred from the action: `review` proposes them at most, `tables` acts on those in legacy tables, `all` also on those in task lists (Alert and Monitor only).",
		},
		{Name: "max_items", Default: "5", read: asCount(&s.Documents.MaxItems, 0), Usage: "Largest number of items to implement in one run."},
		{Name: "shard", read: asParsed(&s.Documents.Shard, shard.Parse), Usage: "`2/5` takes up only the items whose stack falls to the second of five parts, for [several runs side by side](scaling.md). If unset, all."},
		{Name: "max_attempts", Default: "2", read: asCount(&s.Documents.MaxAttempts, 1), Usage: "Failed attempts after which an item needs a person."},
		{
			Name: "doubtful", Default: string(DoubtfulPropose), read: asChoice(&s.Documents.Doubtful, DoubtfulPropose, DoubtfulLeave),
			Usage: "What to do with a change that the gates cannot prove to be what the item asks for, and with items that need an approval: `propose` puts them before a person as a pull request (or a branch), `leave` leaves them to people.",
		},
		{Name: "max_proposals", Default: "3", read: asCount(&s.Documents.MaxProposals, 1), Usage: "Largest number of proposals that are open at a time. Further work waits for a free place."},
		{
			Name: "index", told: "`" + DefaultIndex + "` if it carries this program's marker", read: asText(&s.Documents.Index, repositoryPath),
			Usage: "Dashboard of all post-mortems to update together with the documents, as a page of HTML; its data and its feed stand beside it.",
		},
	}
}

// asSafeTypes reads safe_types in the usual spelling.
func asSafeTypes(field *[]string) reader {
	return func(text string) error {
		err := asList(field, safeType)(text)
		var known []string
		for _, given := range *field {
			if name, ok := canonicalType(given); ok && !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
		*field = known
		return err
	}
}

// asInference reads inferred_types.
func asInference(field *classify.Inference) reader {
	return func(text string) error {
		var spelled string
		err := asChoice(&spelled, "review", "tables", "all")(text)
		*field = map[string]classify.Inference{"review": classify.Review, "tables": classify.Tables, "all": classify.All}[spelled]
		return err
	}
}
