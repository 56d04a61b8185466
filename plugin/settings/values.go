package settings

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"unicode"

	"github.com/bmatcuk/doublestar/v4"
	"mvdan.cc/sh/v3/syntax"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host/egressproxy"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// safeTypes are the types that may be implemented without a person.
var safeTypes = []string{"Alert", "Config", "Monitor"}

// canonicalType is the name of a safe type in its usual spelling.
func canonicalType(name string) (string, bool) {
	for _, known := range safeTypes {
		if strings.EqualFold(known, strings.TrimSpace(name)) {
			return known, true
		}
	}
	return "", false
}

// safeType keeps safe_types from widening the set.
func safeType(value string) error {
	if _, ok := canonicalType(value); !ok {
		return fault.WithFix(fmt.Errorf("%s is not one of %s", text.Quote(value), joinWords(safeTypes)), "the set can only be narrowed")
	}
	return nil
}

// CheckURL wants a plain http or https address without credentials.
func CheckURL(value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return fault.WithFix(fmt.Errorf("%s is not a URL", text.Quote(value)), "write one that starts with https:// or http://")
	case u.User != nil:
		return fault.WithFix(errors.New("has credentials inside the URL"), "take them out")
	}
	return nil
}

// holds wants one of the placeholders in a value.
func holds(placeholders ...string) check {
	return func(value string) error {
		for _, one := range placeholders {
			if strings.Contains(value, one) {
				return nil
			}
		}
		return fault.WithFix(fmt.Errorf("%s does not hold %s", text.Quote(value), placeholders[0]), "put it where that belongs")
	}
}

// address is for remote. Credentials inside a URL would show up in logs.
func address(value string) error {
	if u, err := url.Parse(value); err == nil && u.User != nil && (u.Scheme == "https" || u.Scheme == "http") {
		return fault.WithFix(errors.New("has credentials inside the URL"), "move them to git_username and git_password")
	}
	return gitrepo.CheckURL(value)
}

// hashPattern is a full hash of git.
var hashPattern = pattern.Lazy(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// commitHash is for since.
func commitHash(value string) error {
	if !hashPattern().MatchString(value) {
		return fault.WithFix(fmt.Errorf("%s is not a full hash of a commit", text.Quote(value)), "write what `git rev-parse NAME` prints")
	}
	return nil
}

// glob is a pattern of paths in the repository.
func glob(value string) error {
	switch {
	case !doublestar.ValidatePattern(value):
		return fault.WithFix(fmt.Errorf("%s is not a pattern", text.Quote(value)), "close its brackets (a list whose values hold commas must be a JSON array)")
	case strings.HasPrefix(value, "/"), path.Clean(value) == "..", strings.HasPrefix(path.Clean(value), "../"):
		return fault.WithFix(fmt.Errorf("%s leaves the repository", text.Quote(value)), "write a path relative to its root")
	}
	return oneLine(value)
}

// repositoryPath is one path in the repository.
func repositoryPath(value string) error {
	clean := path.Clean(value)
	if strings.HasPrefix(value, "/") || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
		return fault.WithFix(fmt.Errorf("%s is not a file in the repository", text.Quote(value)), "write its path relative to the root")
	}
	return nil
}

// CheckProgram wants one word that names an executable.
func CheckProgram(value string) error {
	if strings.ContainsFunc(value, unicode.IsSpace) || strings.HasPrefix(value, "-") {
		return fault.WithFix(fmt.Errorf("%s is not the name or path of one program", text.Quote(value)), "it takes no arguments here")
	}
	return nil
}

// word is a value that may become an argument of a command.
func word(value string) error {
	if strings.ContainsFunc(value, unicode.IsSpace) || strings.HasPrefix(value, "-") {
		return fmt.Errorf("%s must be one word that does not start with a dash", text.Quote(value))
	}
	return oneLine(value)
}

// agentName becomes a file name: .claude/agents/<name>.md.
var agentName = pattern.Lazy(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

func agentDefinition(value string) error {
	if !agentName().MatchString(value) {
		return fault.WithFix(fmt.Errorf("%s is not a name of an agent", text.Quote(value)), "use letters, digits, - and _")
	}
	return nil
}

// identity is a name or an address in a commit.
func identity(value string) error {
	if strings.ContainsAny(value, "<>") {
		return fault.WithFix(fmt.Errorf("%s holds < or >, which git does not allow", text.Quote(value)), "leave them out")
	}
	return nil
}

// absolute is a folder on the host.
func absolute(value string) error {
	if !strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "~/") {
		return fmt.Errorf("%s must be an absolute path on the host, or start with ~/", text.Quote(value))
	}
	return nil
}

// sandboxPath is what the agent may read on the host: not the whole of it, nor
// the whole home.
func sandboxPath(value string) error {
	if clean := path.Clean(value); clean == "/" || clean == "~" {
		return fault.WithFix(fmt.Errorf("%s would leave nothing of the sandbox", text.Quote(value)), "name the folders that the program needs")
	}
	return errors.Join(absolute(value), oneLine(value))
}

// knownHosts wants at least one line that can be read.
func knownHosts(text string) error {
	_, err := sshkey.ReadKnownHosts(text)
	return err
}

// fingerprint is what ssh-keygen -l prints.
func fingerprint(value string) error {
	digest, ok := strings.CutPrefix(value, "SHA256:")
	sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(digest, "="))
	if !ok || err != nil || len(sum) != 32 {
		return fault.WithFix(fmt.Errorf("%s is no fingerprint", text.Quote(value)), "write SHA256:… as `ssh-keygen -lf KEY.pub` prints it")
	}
	return nil
}

// certificates is a PEM file of one or more certificates.
func certificates(text string) error {
	count := 0
	for rest := []byte(text); ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return fault.WithFix(fmt.Errorf("block %d is no certificate", count+1), "paste the CA's certificate in PEM")
		}
	}
	if count == 0 {
		return fault.WithFix(errors.New("holds no certificate"), "paste the PEM itself, with its BEGIN and END lines, not the name of a file")
	}
	return nil
}

// restless matches addresses of what may change in every plan without any effect
// of its own; nothing else may be tolerated.
var restless = pattern.Lazy(`^(output\.[\w-]+|(module\.[\w-]+(\[[^\]]+\])?\.)*(null_resource|terraform_data|time_\w+)\.[\w-]+(\[.+\])?)$`)

func toleratedAddress(value string) error {
	if !restless().MatchString(value) {
		return fault.WithFix(fmt.Errorf("%s is not an address of a null_resource, terraform_data or time_* resource, and no output.NAME of a stack", text.Quote(value)), "only those are tolerated")
	}
	return nil
}

// hostOrLocal is an entry of hosts.
func hostOrLocal(value string) error {
	_, err := sshclient.ParseTarget(value)
	return err
}

// serverName is a server that an agent may reach.
func serverName(value string) error {
	_, err := egressproxy.ParseServers([]string{value})
	return err
}

// sshHost is a host that is reached by SSH.
func sshHost(value string) error {
	if value == LocalHost {
		return errors.New("must be another machine, written user@host[:port]")
	}
	return hostOrLocal(value)
}

// shellText is a command of the owner's own, handed to a shell on the host. A
// list, which would end there as one word that names no program, is met here.
func shellText(value string) error {
	if strings.ContainsRune(value, 0) {
		return errors.New("holds a NUL character, which no shell takes")
	}
	const wayOut = "write the command as one text, as a shell takes it, such as make check"
	var array []any
	if json.Unmarshal([]byte(value), &array) == nil {
		return fault.WithFix(fmt.Errorf("%s is a list", text.Quote(value)), "%s", wayOut)
	}
	if program := firstProgram(value); strings.Contains(program, ",") {
		return fault.WithFix(fmt.Errorf("%s begins with %s, which names no program and looks like the values of a list", text.Quote(value), text.Quote(program)), "%s", wayOut)
	}
	return nil
}

// firstProgram is the name of the program with which a shell command begins, as
// far as it is plain text.
func firstProgram(command string) string {
	file, err := syntax.NewParser().Parse(strings.NewReader(command), "")
	if err != nil || len(file.Stmts) == 0 {
		return ""
	}
	call, ok := file.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(call.Args) == 0 {
		return ""
	}
	return call.Args[0].Lit()
}
