package app

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

// programs are those that the docs may tell people to type, with the first
// arguments that they know; none means any.
var programs = map[string][]string{
	"git":            {"add", "commit", "push", "clone", "init", "switch", "log", "diff", "revert", "mv", "fetch", "ls-remote", "show", "rev-parse", "merge", "pull", "rm", "branch", "update-ref", "for-each-ref"},
	"vault":          {"policy", "write", "read", "kv", "auth", "secrets", "status", "login", "token", "list"},
	"kubectl":        {"create", "get", "apply", "describe", "logs", "annotate", "--namespace", "-n"},
	"loginctl":       {"enable-linger", "show-user"},
	"docker":         {"build", "run", "push", "tag", "buildx"},
	"woodpecker-cli": {"repo", "secret", "pipeline", "cron", "lint", "exec"},
	"go":             {"test", "build", "generate", "install", "vet"},
	"terraform":      {"plan", "show", "init", "state", "force-unlock", "apply", "version", "output"},
	"claude":         {"auth", "--version", "setup-token"},
	"systemctl":      {"reload", "restart", "status"},
}

// plainPrograms take what they take.
var plainPrograms = strings.Fields("ssh scp ssh-keygen ssh-keyscan ssh-add useradd usermod groupadd install chmod chown mkdir touch tee cat cd base64 od tr " +
	"printf echo read cp mv rm ls grep sed awk sort head tail wc jq curl test [ true false set umask id getent mktemp diff cmp sha256sum xargs openssl sshd visudo .ci/run .ci/image")

// wrappers run the program that their arguments name.
var wrappers = []string{"sudo", "env", "exec", "command", "time", "nohup"}

// checkShell parses a script and judges every command in it.
func checkShell(text string) error {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "")
	if err != nil {
		return fmt.Errorf("is no shell script: %w", err)
	}
	var problems []error
	local := map[string]bool{} // functions of the script
	syntax.Walk(file, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			local[n.Name.Value] = true
		case *syntax.Assign:
			if n.Name != nil {
				problems = append(problems, checkVariable(n.Name.Value))
			}
		case *syntax.CallExpr:
			if words := literalTexts(n.Args); len(words) > 0 && !local[words[0]] {
				problems = append(problems, checkCall(words))
			}
		case *syntax.Stmt:
			if call, ok := n.Cmd.(*syntax.CallExpr); ok {
				problems = append(problems, checkHereDocument(literalTexts(call.Args), n.Redirs))
			}
		}
		return true
	})
	return errors.Join(problems...)
}

// checkShellSyntax parses the commands of a step, which run in other images and
// may call anything.
func checkShellSyntax(text string) error {
	_, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "")
	if err != nil {
		return fmt.Errorf("its commands are no shell script: %w", err)
	}
	return nil
}

// checkHereDocument checks what a command reads from the lines below it.
func checkHereDocument(words []string, redirects []*syntax.Redirect) error {
	for _, r := range redirects {
		if r.Hdoc == nil || len(words) < 2 {
			continue
		}
		switch text := literalText(r.Hdoc); {
		case words[0] == "vault" && words[1] == "policy":
			return checkHCL(text)
		case words[0] == "kubectl":
			return checkYAML(text)
		}
	}
	return nil
}

func literalTexts(words []*syntax.Word) []string {
	var texts []string
	for _, word := range words {
		texts = append(texts, literalText(word))
	}
	return texts
}

// literalText is a word without its quotes; what the shell would expand stands as
// x.
func literalText(word *syntax.Word) string {
	text, err := expand.Literal(&expand.Config{
		Env: expand.FuncEnviron(func(string) string { return "x" }),
		CmdSubst: func(w io.Writer, _ *syntax.CmdSubst) error {
			_, err := io.WriteString(w, "x")
			return err
		},
	}, word)
	if err != nil {
		return "x"
	}
	return text
}

// checkVariable wants PLUGIN_* to be settings.
func checkVariable(name string) error {
	setting, ours := strings.CutPrefix(name, settings.Prefix)
	if ours && !slices.ContainsFunc(settings.All(), func(e settings.Entry) bool { return e.Variable() == name }) {
		return fmt.Errorf("%s is no setting", strings.ToLower(setting))
	}
	return nil
}

func checkCall(words []string) error {
	name, args := words[0], words[1:]
	if slices.Contains(wrappers, name) {
		for len(args) > 0 && (strings.HasPrefix(args[0], "-") || strings.Contains(args[0], "=")) {
			variable, _, assigned := strings.Cut(args[0], "=")
			if assigned && checkVariable(variable) != nil {
				return checkVariable(variable)
			}
			if args[0] == "-u" { // sudo's user
				args = args[1:]
			}
			args = args[1:]
		}
		if len(args) == 0 {
			return nil
		}
		return checkCall(args)
	}
	switch {
	case name == "export" || name == "unset":
		var problems []error
		for _, arg := range args {
			variable, _, _ := strings.Cut(arg, "=")
			problems = append(problems, checkVariable(variable))
		}
		return errors.Join(problems...)
	case name == "pm-todos":
		return checkCommandLine(args)
	case name == "go" && len(args) >= 2 && args[0] == "run" && args[1] == ".":
		return checkCommandLine(args[2:])
	case name == "go" && len(args) >= 2 && args[0] == "run" && args[1] == "./docs/benchmark":
		return nil
	case slices.Contains(plainPrograms, name):
		return nil
	}
	first, known := programs[name]
	if !known {
		return fmt.Errorf("%s is no program that the docs know; add it to the test if it is right", name)
	}
	for len(args) > 1 && args[0] == "-C" {
		args = args[2:]
	}
	if len(args) == 0 || !slices.Contains(first, args[0]) {
		return fmt.Errorf("%s is unknown; add it to the test if it is right", strings.Join(words[:min(2, len(words))], " "))
	}
	return nil
}

// checkCommandLine wants arguments of pm-todos that its commands and flags
// take, in the order in which they take them.
func checkCommandLine(args []string) error {
	app := App("test", strings.NewReader(""), io.Discard, io.Discard)
	name, flags := "pm-todos", app.Flags
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command := app.Command(args[0])
		if command == nil {
			return fmt.Errorf("%s is no command of pm-todos", args[0])
		}
		name, flags, args = command.Name, command.Flags, args[1:]
	}
	arguments := 0
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		given, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-") || arg == "-":
			arguments++
			continue
		case slices.Contains([]string{"help", "h", "version", "v"}, given):
			continue
		case arguments > 0 && name != "settle":
			return fmt.Errorf("%s stands behind an argument of %s", arg, name)
		}
		takesValue, known := flagNamed(flags, given)
		switch {
		case !known:
			return fmt.Errorf("%s is no flag of %s", arg, name)
		case takesValue && !joined && len(args) == 0, takesValue && joined && value == "":
			return fmt.Errorf("%s needs a value", arg)
		case takesValue && !joined:
			args = args[1:]
		}
	}
	return nil
}

func flagNamed(flags []cli.Flag, name string) (takesValue, known bool) {
	for _, flag := range flags {
		if slices.Contains(flag.Names(), name) {
			_, isBool := flag.(*cli.BoolFlag)
			return !isBool, true
		}
	}
	return false, false
}
