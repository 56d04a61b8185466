package scaffold

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Done is what became of the files of an installation, and what there is left
// to do.
type Done struct {
	Targets []Target
	Values  map[string]string // those that were given
	DryRun  bool
}

// Text is that for people, with the differences if they are asked for.
func (d Done) Text(diff bool) string {
	var b strings.Builder
	differs := false
	for _, t := range d.Targets {
		said := d.became(t)
		differs = differs || said == leftDifferent
		fmt.Fprintf(&b, "%-46s %s\n", t.Path, said)
	}
	if diff {
		d.writeDiffs(&b)
	} else if differs {
		b.WriteString("\n--diff shows how those that differ would look.\n")
	}
	open := d.open()
	if len(open) > 0 {
		b.WriteString("\nLeft to fill in:\n")
	}
	for _, one := range open {
		fmt.Fprintf(&b, "  %s:%d: %s: %s\n", one.Path, one.Line, one.Text, one.What)
	}
	if d.DryRun {
		b.WriteString("\nNothing was written. Without --dry-run the files marked \"would be written\" are.\n")
		return b.String()
	}
	b.WriteString("\nNext steps:\n")
	for i, step := range d.steps(len(open) > 0) {
		fmt.Fprintf(&b, "  %d. %s\n", i+1, step)
	}
	return b.String()
}

func (d Done) writeDiffs(b *strings.Builder) {
	for _, t := range d.Targets {
		text := t.Diff()
		switch {
		case text == "":
		case t.Page:
			fmt.Fprintf(b, "\n%s is not shown; pm-todos index --output - prints it\n", t.Path)
		default:
			b.WriteString("\n" + text)
		}
	}
}

// Listing is the same for programs.
func (d Done) Listing() any {
	type file struct {
		Path  string `json:"path"`
		State string `json:"state"`
	}
	var files []file
	for _, t := range d.Targets {
		files = append(files, file{t.Path, d.became(t)})
	}
	return struct {
		Files []file      `json:"files"`
		Open  []openPlace `json:"fill_in"`
	}{files, d.open()}
}

// Started is what was made of a template, for programs.
func Started(file string, content []byte, f Fields) any {
	open := []openPlace{}
	for _, one := range OpenFields(content) {
		open = append(open, openPlace{file, one.Line, one.Text, "the field " + one.Name})
	}
	return struct {
		Path    string      `json:"path"`
		Open    []openPlace `json:"fill_in"`
		Message string      `json:"commit_message"`
	}{file, open, f.CommitMessage()}
}

const leftDifferent = "differs, left as it is"

// became is what became of a file.
func (d Done) became(t Target) string {
	switch {
	case t.Standing == Same:
		return "unchanged"
	case t.Older:
		return "older, left as it is; pm-todos index brings it up to date"
	case t.Standing == Differs && t.Path == ignoreFile:
		if missing := missingLines(t); len(missing) > 0 {
			return "left as it is; it lacks " + strings.Join(missing, ", ")
		}
		return "unchanged"
	case t.Standing == Differs:
		return leftDifferent
	case d.DryRun:
		return "would be written"
	default:
		return "written"
	}
}

// missingLines are the lines of ours that a file lacks, its comments aside.
func missingLines(t Target) []string {
	present := map[string]bool{}
	for line := range strings.Lines(string(t.Present)) {
		present[strings.Trim(strings.TrimSpace(line), "/")] = true
	}
	var missing []string
	for line := range strings.Lines(string(t.Content)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && !present[strings.Trim(line, "/")] {
			missing = append(missing, line)
		}
	}
	return missing
}

// openPlace is a place that somebody has to fill in.
type openPlace struct {
	Path string `json:"path"`
	Line int    `json:"line"`
	Text string `json:"text"`
	What string `json:"what"`
}

// open is the places that somebody has to fill in.
func (d Done) open() []openPlace {
	usage := map[string]string{}
	for _, v := range known {
		usage[v.Name] = fmt.Sprintf("%s, such as %s", v.Usage, v.Example)
	}
	all := []openPlace{}
	for _, t := range d.Targets {
		content := t.Content
		if t.Standing != Absent {
			content = t.Present
		}
		for _, one := range Blanks(content) {
			if what, ours := usage[one.Name]; ours {
				all = append(all, openPlace{t.Path, one.Line, one.Text, what})
			}
		}
	}
	return all
}

// value is a value that was given, or its default.
func (d Done) value(name string) string {
	said, _ := valueOf(d.Values, name) // every name is a constant
	return text.Line(said, 0)
}

// steps is what there is to do now, in an order in which it can be done.
func (d Done) steps(open bool) []string {
	begin := ""
	if mode := d.value("mode"); mode != "dry-run" {
		begin = ", whatever is to come later: it is " + mode + " there"
	}
	cron, folders := "the cron job postmortem-todos (once a day)", ".gitignore .woodpecker .claude docs"
	switch d.value("pages") {
	case pagesByWoodpecker:
		cron = "the cron jobs postmortem-todos (once a day) and pages (an hour later)"
	case pagesByActions:
		folders = ".gitignore .woodpecker .github .claude docs"
	}
	secrets := "the secret git_token (a token that may push)"
	if d.Values["chat-kind"] != "" {
		secrets = "the secrets git_token (a token that may push) and chat_webhook (the URL of the chat)"
	}
	var steps []string
	if open {
		steps = append(steps, "Fill in the places above. Lines that begin with # work without.")
	}
	steps = append(steps,
		"In Vault, put the fields devvm_ssh_key, known_hosts and, for Slack, slack_webhook into "+d.value("vault-secret")+
			",\n     and let the role "+d.value("vault-role")+" of the Kubernetes auth method read that path.",
		"In Woodpecker, add "+secrets+",\n     for the events push, cron and manual, and "+cron+".",
	)
	if d.value("pages") == pagesByActions {
		steps = append(steps, "On GitHub, in Settings, Pages, choose \"GitHub Actions\" as the source.")
	}
	return append(steps,
		"Check everything that a run needs: pm-todos doctor --pipeline .woodpecker/postmortem-todos.yml\n"+
			"     (it takes what only Woodpecker knows from the environment, and says what that is).",
		"Commit and push:\n"+
			"       git add "+folders+"\n"+
			"       git commit -m 'Close the follow-up items of post-mortems with pm-todos'\n"+
			"       git push",
		"Begin with mode: dry-run in .woodpecker/postmortem-todos.yml"+begin+". Run the pipeline by hand and read its log.\n"+
			"     When you like what it would do, set the mode to propose, and after a few merged proposals to apply.",
		"After the next incident: pm-todos new \"WHAT BROKE\"",
	)
}
