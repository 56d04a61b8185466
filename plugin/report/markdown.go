package report

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Forges take 65,536 characters for a comment. Nothing more is begun above
// markdownRoom; what is begun is shorter than the rest.
const (
	markdownRoom    = 40000
	markdownReasons = 8   // of an item
	markdownLine    = 300 // characters of a text before it is escaped
)

// Markdown is the content of summary.md: GitHub's flavour, fit for a comment
// on a pull request. Texts from outside cannot become markup, links or
// mentions there.
func (v View) Markdown() []byte {
	var m markdown
	m.line("### %s pm-todos: %s", v.mark(), v.headline())
	m.line("")
	m.line("%s", m.head(v))
	m.failure(v)
	for _, group := range groups {
		m.outcomes(group.title, v.in(group.state), *group.count(&v.Totals))
	}
	m.list("Needs a person", append(v.in(item.Skipped), asItems(v.Skipped)...), v.Totals.Skipped, true)
	m.list("Waiting for the next run", v.in(item.NotAttempted), v.Totals.NotAttempted, false)
	m.problems(v.Problems, v.Totals.Problems)
	m.bullets("Warnings", v.Warnings)
	m.bullets("Notes", v.Notes)
	m.folded("Unclear, not acted on", v.Totals.Unclear, func() { m.items(asItems(v.Unclear), v.Totals.Unclear, true) })
	m.folded("Documents", len(v.Documents), func() { m.documents(v.Documents) })
	return []byte(strings.TrimRight(m.String(), "\n") + "\n")
}

type markdown struct{ strings.Builder }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *markdown) heading(title string, count int) {
	m.line("")
	m.line("#### %s (%d)", title, count)
	m.line("")
}

// quote is an item in its author's words.
func (m *markdown) quote(i itemView) {
	m.line("> **%s**", short(i.Action))
	if i.Details != "" {
		m.line(">")
		m.line("> %s", short(i.Details))
	}
	m.line("")
}

// folded is a section that is opened by its reader.
func (m *markdown) folded(title string, count int, content func()) {
	if count == 0 {
		return
	}
	m.line("")
	m.line("<details><summary>%s (%d)</summary>", title, count)
	m.line("")
	content()
	m.line("")
	m.line("</details>")
}

// full reports whether nothing more should be begun.
func (m *markdown) full() bool { return utf8.RuneCountInString(m.String()) > markdownRoom }

// short is text from outside, cut, as running Markdown text of one line.
func short(raw string) string { return md(text.Cut(raw, markdownLine)) }

func (m *markdown) head(v View) string {
	parts := []string{}
	for _, word := range filled(v.Repository, v.Branch, v.Mode, v.confinement()) {
		parts = append(parts, mdCode(word))
	}
	if v.PipelineURL != "" {
		parts = append(parts, mdLink("pipeline", v.PipelineURL))
	}
	if v.DocsCommit != "" {
		parts = append(parts, "docs commit "+mdCommit(v.DocsCommit, v.DocsCommitURL))
	}
	parts = append(parts, "cost "+strings.ReplaceAll(v.cost(), "$", `\$`))
	return strings.Join(append(parts, filled(took(v.Seconds))...), " · ")
}

func (m *markdown) failure(v View) {
	if v.Error == "" {
		return
	}
	m.line("")
	m.line("**The run ended early** (exit %d):", v.ExitCode)
	m.line("")
	m.block(v.Error)
}

// block writes text as a fenced block, whose fence is longer than any run of
// backticks in it.
func (m *markdown) block(text string) {
	fence := strings.Repeat("`", max(3, longestRun(text)+1))
	m.line("%stext\n%s\n%s", fence, text, fence)
}

// outcomes lists the first of so many items.
func (m *markdown) outcomes(title string, items []itemView, count int) {
	if count == 0 {
		return
	}
	m.heading(title, count)
	m.line("| | Action | Where | What |")
	m.line("|---|---|---|---|")
	for n, i := range items {
		if m.full() {
			m.line("| | … and %d more | | |", count-n)
			return
		}
		m.line("| %s | %s | %s | %s |", short(i.label()), short(i.Action), mdWhere(i), mdWhat(i))
	}
	if more := count - len(items); more > 0 {
		m.line("| | … and %d more | | |", more)
	}
	for _, i := range items {
		if m.full() {
			return
		}
		m.after(i)
	}
}

// after is what of an item has no place in a table: its error, and what closes
// it, in blocks to be copied.
func (m *markdown) after(i itemView) {
	if i.Error != "" {
		m.line("")
		m.line("%s:", short(i.Action))
		m.line("")
		m.block(i.Error)
	}
	if fetch := i.fetch(); fetch != "" {
		m.line("")
		m.line("The fix commit of %s is not on the branch:", mdCode(i.place()))
		m.line("")
		m.block(fetch)
	}
	if i.Command != "" {
		m.line("")
		m.line("To close %s, once you have looked, one of:", mdCode(i.place()))
		m.line("")
		m.block(strings.Join(i.commands(), "\n"))
	}
}

func mdWhere(i itemView) string {
	var parts []string
	for _, part := range filled(i.place(), i.Stack) {
		parts = append(parts, mdCodeCell(part))
	}
	return strings.Join(parts, "<br>")
}

func mdWhat(i itemView) string {
	var parts []string
	if i.Commit != "" {
		parts = append(parts, mdCommit(i.Commit, i.CommitURL))
	}
	if i.PullURL != "" {
		parts = append(parts, mdLink("pull request", i.PullURL))
	}
	if i.IssueURL != "" {
		parts = append(parts, mdLink("issue", i.IssueURL))
	}
	if i.Kept != "" && i.KeptURL != "" {
		parts = append(parts, mdLink("branch", i.KeptURL))
	} else if i.Kept != "" {
		parts = append(parts, mdCodeCell(i.Kept))
	}
	parts = append(parts, filled(i.plan())...)
	if i.Approver != "" {
		parts = append(parts, short(i.approved()))
	}
	if whose := i.whose(); whose != "" {
		parts = append(parts, short(whose))
	}
	if i.Observed != "" {
		parts = append(parts, "🔎 "+short(i.Observed))
	}
	why := i.why()
	for _, one := range why[:min(len(why), markdownReasons)] {
		parts = append(parts, short(one))
	}
	if more := len(why) - markdownReasons; more > 0 {
		parts = append(parts, fmt.Sprintf("… and %d more", more))
	}
	if i.Fix != "" {
		parts = append(parts, "→ "+short(i.Fix))
	}
	if cost := i.cost(); cost != "" {
		parts = append(parts, `\`+cost)
	}
	return strings.Join(parts, "<br>")
}

func (m *markdown) list(title string, items []itemView, count int, why bool) {
	if count > 0 {
		m.heading(title, count)
		m.items(items, count, why)
	}
}

func (m *markdown) items(items []itemView, count int, why bool) {
	const most = 50
	for n, i := range items {
		if n == most || m.full() {
			m.line("- … and %d more", count-n)
			return
		}
		text := fmt.Sprintf("- **%s** %s (%s)", md(cmp.Or(text.Cut(i.label(), 40), "item")), short(i.Action), mdCode(i.place()))
		if whose := i.whose(); whose != "" {
			text += ", " + short(whose)
		}
		if i.IssueURL != "" {
			text += ", " + mdLink("issue", i.IssueURL)
		}
		if why {
			text += ": " + short(strings.Join(i.why(), "; "))
		}
		if i.Fix != "" {
			text = strings.TrimSuffix(text, ".") + ". " + short(i.Fix)
		}
		m.line("%s", text)
	}
}

func (m *markdown) problems(problems []problemView, count int) {
	const most = 50
	if count == 0 {
		return
	}
	m.heading("Rows that cannot be read", count)
	for n, p := range problems {
		if n == most || m.full() {
			m.line("- … and %d more", count-n)
			return
		}
		m.line("- %s %s: %s", mdCode(fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)), md(string(p.Reason)), short(p.Detail))
	}
}

func (m *markdown) documents(documents []documentView) {
	m.line("| Document | Date | Safe | Needs a person | Unclear | Problems |")
	m.line("|---|---|--:|--:|--:|--:|")
	for n, d := range documents {
		if m.full() {
			m.line("| … and %d more | | | | | |", len(documents)-n)
			return
		}
		name := md(cmp.Or(d.Title, d.File))
		if d.URL != "" {
			name = "[" + name + "](" + d.URL + ")"
		}
		m.line("| %s<br>%s | %s | %d | %d | %d | %d |", name, mdCodeCell(d.File), md(d.Date), d.Safe, d.Skipped, d.Unclear, d.Problems)
	}
}

func (m *markdown) bullets(title string, texts []string) {
	if len(texts) == 0 {
		return
	}
	m.heading(title, len(texts))
	for n, text := range texts {
		if m.full() {
			m.line("- … and %d more", len(texts)-n)
			return
		}
		m.line("- %s", short(text))
	}
}

// mdEscapes takes every character its meaning: a backslash before what
// CommonMark and its extensions know (tables, links, emphasis, math, the colon
// of a bare URL), references for what HTML knows, and a zero-width space after
// what forges turn into mentions and references to issues.
var mdEscapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "{", `\{`, "}", `\}`, "[", `\[`, "]", `\]`, "(", `\(`, ")", `\)`,
	"|", `\|`, "~", `\~`, "$", `\$`, ":", `\:`, "!", `\!&#8203;`, "#", `\#&#8203;`, "@", `\@&#8203;`,
	"&", "&amp;", "<", "&lt;", ">", "&gt;",
)

// mdStart matches what has a meaning only at the beginning of a line, and mdWeb
// the bare domains that become links.
var (
	mdStart = pattern.Lazy(`^([0-9]*)([-+=.])`)
	mdWeb   = pattern.Lazy(`(?i)(www)\.`)
)

// md is text from outside as running Markdown text of one line.
func md(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return "—"
	}
	return mdStart().ReplaceAllString(mdWeb().ReplaceAllString(mdEscapes.Replace(text), `$1\.`), `$1\$2`)
}

// mdCodeCell is mdCode for tables. There a bar ends the cell even inside of a
// code span, where renderers do not agree on what a backslash before it does.
func mdCodeCell(text string) string {
	if strings.Contains(text, "|") {
		return md(text)
	}
	return mdCode(text)
}

// mdCode is text as a code span.
func mdCode(text string) string {
	if strings.TrimSpace(text) == "" {
		return "—"
	}
	ticks := strings.Repeat("`", longestRun(text)+1)
	pad := ""
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		pad = " "
	}
	return ticks + pad + text + pad + ticks
}

// mdLink is a link with words of our own. The URL was made by webURL.
func mdLink(words, url string) string { return "[" + words + "](" + url + ")" }

func mdCommit(hash, url string) string {
	short := cmp.Or(shortHash(hash), "commit")
	if url == "" {
		return mdCodeCell(cmp.Or(shortHash(hash), hash))
	}
	return mdLink("`"+short+"`", url)
}

// longestRun is the length of the longest run of backticks in text.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
