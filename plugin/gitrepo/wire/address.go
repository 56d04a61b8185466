package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// scheme is one of the ways to reach a remote.
type scheme string

const (
	schemeHTTPS scheme = "https"
	schemeHTTP  scheme = "http"
	schemeSSH   scheme = "ssh"
	schemeFile  scheme = "file"
)

// address is a remote URL taken apart. The zero value of port means the
// scheme's own.
type address struct {
	scheme scheme
	user   string
	host   string // without brackets
	port   int
	path   string
}

var (
	hostPattern = pattern.Lazy(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)
	userPattern = pattern.Lazy(`^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$`)
	scpPattern  = pattern.Lazy(`^(?:([^@/:]+)@)?([^@/:\[\]]+|\[[0-9A-Fa-f:.]+\]):([^:].*)$`)
)

// CheckURL tells what is wrong with a remote URL, without contacting anything.
// Good ones are https://, http://, ssh:// and file:// URLs, user@host:path, and
// local paths. Everything else that git would understand is refused, among it
// ext:: and every text that a program could take for an option.
func CheckURL(remote string) error {
	_, err := parseAddress(remote)
	return err
}

// RedactURL is the URL as it may be printed: without password, without
// control characters.
func RedactURL(remote string) string {
	a, err := parseAddress(remote)
	if err == nil {
		return a.String()
	}
	// What does not parse may hold a secret anywhere before the host.
	if i := strings.LastIndex(remote, "@"); i >= 0 {
		remote = "…@" + remote[i+1:]
	}
	return Printable(remote)
}

func parseAddress(remote string) (address, error) {
	switch {
	case remote == "":
		return address{}, errors.New("the remote URL is empty")
	case len(remote) > 2048:
		return address{}, errors.New("the remote URL is longer than 2048 bytes")
	case strings.HasPrefix(remote, "-"):
		return address{}, errors.New("the remote URL starts with a dash")
	case !plainText(remote) && (strings.Contains(remote, ":") || !plainText(strings.ReplaceAll(remote, " ", "_"))):
		// Only in a local path a blank can be meant.
		return address{}, errors.New("the remote URL has blanks, control or invisible characters")
	}
	var a address
	var err error
	switch m := scpPattern().FindStringSubmatch(remote); {
	case strings.Contains(remote, "://"):
		a, err = parseURL(remote)
	case strings.Contains(remote, "::"):
		return address{}, fault.WithFix(errors.New("the remote URL names a git remote helper"), "use https, ssh or a path")
	case m != nil && !strings.HasPrefix(remote, "/") && !strings.HasPrefix(remote, "."):
		a = address{scheme: schemeSSH, user: m[1], host: strings.Trim(m[2], "[]"), path: m[3]}
	default:
		a.scheme = schemeFile
		a.path, err = filepath.Abs(remote)
	}
	if err != nil {
		return address{}, err
	}
	return a, a.check()
}

func parseURL(remote string) (address, error) {
	u, err := url.Parse(remote)
	if err != nil {
		// The error of url.Parse repeats the URL, password included.
		return address{}, errors.New("the remote URL cannot be parsed")
	}
	if _, set := u.User.Password(); set {
		return address{}, fault.WithFix(errors.New("the remote URL holds a password"), "give it by the setting git_password")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return address{}, errors.New("the remote URL has a query or a fragment")
	}
	a := address{scheme: scheme(u.Scheme), user: u.User.Username(), host: u.Hostname(), path: u.Path}
	if port := u.Port(); port != "" {
		a.port, err = strconv.Atoi(port)
		if err != nil || a.port < 1 || a.port > 65535 {
			return address{}, fault.WithFix(fmt.Errorf("the remote URL has the port %q", port), "ports are 1 to 65535")
		}
	}
	if a.scheme == schemeSSH {
		// As git does: ssh://host/~user/x is relative to that user's home.
		if strings.HasPrefix(a.path, "/~") {
			a.path = a.path[1:]
		}
	}
	if a.scheme == schemeFile && a.host != "" {
		return address{}, fault.WithFix(errors.New("the remote file URL names a host"), "write file:///path")
	}
	return a, nil
}

func (a address) check() error {
	switch a.scheme {
	case schemeHTTPS, schemeHTTP, schemeSSH, schemeFile:
	default:
		return fault.WithFix(fmt.Errorf("the remote URL has the protocol %q", Printable(string(a.scheme))), "use https, ssh or a path")
	}
	if a.user != "" && !userPattern().MatchString(a.user) {
		return errors.New("the remote URL has a user name with unusual characters")
	}
	if a.scheme != schemeFile {
		if _, err := netip.ParseAddr(a.host); err != nil && !hostPattern().MatchString(a.host) {
			return fmt.Errorf("the remote URL has the host %q, which is no host name", Printable(a.host))
		}
	}
	if a.path == "" || a.path == "/" {
		return errors.New("the remote URL has no path to a repository")
	}
	if strings.HasPrefix(a.path, "-") || (a.scheme != schemeFile && !plainText(a.path)) {
		return errors.New("the path of the remote URL starts with a dash or has blanks, control or invisible characters")
	}
	for part := range strings.SplitSeq(a.path, "/") {
		if part == ".." {
			return errors.New("the path of the remote URL has .. in it")
		}
	}
	return nil
}

// plainText reports whether a text is printable, without any kind of blank:
// U+3000 and its like have fooled shells and parsers before.
func plainText(raw string) bool {
	return text.Legible(raw) && !strings.ContainsFunc(raw, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) })
}

// String is the URL for printing. It has no password, since none is accepted.
func (a address) String() string {
	if a.scheme == schemeFile {
		return a.path
	}
	u := url.URL{Scheme: string(a.scheme), Host: a.hostPort(), Path: a.path}
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path
	}
	if a.user != "" {
		u.User = url.User(a.user)
	}
	return u.String()
}

// hostPort is host[:port], with brackets where an IPv6 address needs them.
func (a address) hostPort() string {
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.port != 0 {
		host += ":" + strconv.Itoa(a.port)
	}
	return host
}

// loopback reports whether the host is this machine by its very name.
func (a address) loopback() bool { return egress.ThisMachine(a.host) }
