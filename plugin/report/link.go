package report

import (
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// maxURL is the length in bytes of the longest link: several must fit into one
// text of a Slack message.
const maxURL = 700

var fullHash = pattern.Lazy(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// commit is the link of a commit, empty when there is none. Only full hashes
// are linked: nothing else can be trusted to lead to the commit that is meant.
func (l Links) commit(hash string) string {
	if !fullHash().MatchString(hash) || l.Commit == "" {
		return ""
	}
	return webURL(strings.ReplaceAll(l.Commit, "{sha}", hash))
}

// branch is the link of a branch, empty when there is none.
func (l Links) branch(name string) string {
	if name == "" || l.Branch == "" {
		return ""
	}
	return webURL(strings.ReplaceAll(l.Branch, "{branch}", escapePath(name)))
}

// pull is the link of a pull request, empty when there is none.
func (l Links) pull(number int64) string { return numbered(l.Pull, number) }

// issue is the link of an issue, empty when there is none.
func (l Links) issue(number int64) string { return numbered(l.Issue, number) }

func numbered(template string, number int64) string {
	if number <= 0 || template == "" {
		return ""
	}
	return webURL(strings.ReplaceAll(template, "{number}", strconv.FormatInt(number, 10)))
}

// page is the link of a published document, empty when there is none.
func (l Links) page(file string) string {
	if file == "" || l.Pages == "" {
		return ""
	}
	name := strings.TrimSuffix(path.Base(file), path.Ext(file))
	return webURL(strings.NewReplacer("{file}", escapePath(file), "{name}", url.PathEscape(name)).Replace(l.Pages))
}

func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// webURL is text as a link that fits every target, empty when it is none: only
// http and https, no user or password, and none of the characters that end a
// link in Markdown or Slack.
func webURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return ""
	}
	if link := linkEnds.Replace(u.String()); len(link) <= maxURL {
		return link
	}
	return ""
}

var linkEnds = strings.NewReplacer(
	" ", "%20", "<", "%3C", ">", "%3E", "|", "%7C", "(", "%28", ")", "%29", "[", "%5B", "]", "%5D",
	"`", "%60", `"`, "%22", `'`, "%27", `\`, "%5C", "*", "%2A", "{", "%7B", "}", "%7D", "^", "%5E",
)

// journalRef matches the journals of this program, wherever state_refs puts them.
// Others may write refs beside them under any name, and a shell may take such a
// name for something else.
var journalRef = pattern.Lazy(`^refs/[A-Za-z0-9_./-]{1,200}/journal/[0-9a-f]{64}$`)

// journal is a journal's name, empty when it is none of this program's.
func journal(ref string) string {
	if journalRef().MatchString(ref) {
		return ref
	}
	return ""
}

// shortHash is the abbreviation that people read.
func shortHash(hash string) string {
	if fullHash().MatchString(hash) {
		return hash[:7]
	}
	return ""
}
