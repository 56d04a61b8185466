package usage

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what completes the command line in a shell",
		UsageText: "pm-todos completion bash|zsh|fish",
		Description: "bash: put `source <(pm-todos completion bash)` into ~/.bashrc.\n\n" +
			"zsh: put `source <(pm-todos completion zsh)` into ~/.zshrc, after compinit.\n\n" +
			"fish: pm-todos completion fish >~/.config/fish/completions/pm-todos.fish",
		Action: func(ctx *cli.Context) error {
			write := map[string]func([]completed) string{"bash": bash, "zsh": zsh, "fish": fish}[ctx.Args().First()]
			if write == nil || ctx.NArg() != 1 {
				return usageError("completion needs the name of a shell: bash, zsh or fish")
			}
			return show(ctx, write(completions(ctx.App)))
		},
	}
}

// completed is a command with what may follow it. The first one has no name: it is
// the run, which the commands may follow.
type completed struct {
	name, usage string
	flags       []flag
	words       []string // arguments of a few words; files where there are none
}

func completions(app *cli.App) []completed {
	own, named := flagsOf(app.Flags)
	all := []completed{{flags: append(own, named...)}}
	for _, c := range visible(app.Commands) {
		own, named := flagsOf(c.Flags)
		one := completed{name: c.Name, usage: c.Usage, flags: append(own, named...)}
		all[0].words = append(all[0].words, c.Name)
		switch c.Name {
		case "completion":
			one.words = []string{"bash", "zsh", "fish"}
		case "help":
			one.words = append([]string{"settings"}, commandNames(app)...)
			for _, g := range settings.Groups() {
				one.words = append(one.words, strings.ToLower(g.Title))
			}
		}
		all = append(all, one)
	}
	return all
}

func (c completed) options() string {
	list := "--help"
	for _, f := range c.flags {
		list += " --" + f.name()
	}
	return list
}

func bash(all []completed) string {
	var b strings.Builder
	b.WriteString(`# bash completion of pm-todos
_pm_todos() {
    local current=${COMP_WORDS[COMP_CWORD]} command='' word words='' flags=''
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
`)
	fmt.Fprintf(&b, "        %s) command=$word; break ;;\n        esac\n    done\n    case $command in\n", strings.Join(all[0].words, " | "))
	for _, c := range all {
		fmt.Fprintf(&b, "    '%s') words='%s' flags='%s' ;;\n", c.name, strings.Join(c.words, " "), c.options())
	}
	b.WriteString(`    esac
    case $current in
    -*) words=$flags ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pm_todos pm-todos
`)
	return b.String()
}

func zsh(all []completed) string {
	var b strings.Builder
	b.WriteString("#compdef pm-todos\n_pm_todos() {\n    local -a commands flags words_of\n    commands=(")
	for _, c := range all[1:] {
		fmt.Fprintf(&b, "\n        %s", quoted(c.name+":"+c.usage))
	}
	b.WriteString("\n    )\n    case ${words[2]} in\n")
	for _, c := range append(all[1:len(all):len(all)], all[0]) {
		pattern := c.name
		if pattern == "" {
			pattern = "*"
		}
		fmt.Fprintf(&b, "    %s)\n        flags=('--help:show the help'", pattern)
		for _, f := range c.flags {
			fmt.Fprintf(&b, "\n            %s", quoted("--"+f.name()+":"+brief(f)))
		}
		b.WriteString(")\n")
		if c.name != "" && len(c.words) > 0 {
			fmt.Fprintf(&b, "        words_of=(%s)\n", strings.Join(c.words, " "))
		}
		b.WriteString("        ;;\n")
	}
	b.WriteString(`    esac
    if [[ $PREFIX == -* ]]; then
        _describe -o flag flags
    elif (( CURRENT == 2 )); then
        _describe command commands
    elif (( ${#words_of} )); then
        compadd -a words_of
    else
        _files
    fi
}
compdef _pm_todos pm-todos
`)
	return b.String()
}

func fish(all []completed) string {
	var b strings.Builder
	b.WriteString("# fish completion of pm-todos\n")
	for _, c := range all {
		when := "'__fish_seen_subcommand_from " + c.name + "'"
		if c.name == "" {
			when = "__fish_use_subcommand"
		} else {
			fmt.Fprintf(&b, "complete -c pm-todos -n __fish_use_subcommand -f -a %s -d %s\n", c.name, quoted(c.usage))
		}
		if c.name != "" && len(c.words) > 0 {
			fmt.Fprintf(&b, "complete -c pm-todos -n %s -f -a '%s'\n", when, strings.Join(c.words, " "))
		}
		for _, f := range c.flags {
			value := ""
			if f.TakesValue() {
				value = " -r"
			}
			fmt.Fprintf(&b, "complete -c pm-todos -n %s -l %s%s -d %s\n", when, f.name(), value, quoted(brief(f)))
		}
	}
	return b.String()
}

// brief is the first sentence of a flag's usage.
func brief(f flag) string {
	sentence, _, _ := strings.Cut(strings.ReplaceAll(f.GetUsage(), "`", ""), ". ")
	return text.Line(strings.TrimSuffix(sentence, "."), 80)
}

// quoted is a text as one word of a shell. A quote in it becomes an apostrophe,
// since fish and the others escape it in different ways.
func quoted(s string) string {
	return "'" + strings.NewReplacer("'", "’", `\`, "").Replace(s) + "'"
}
