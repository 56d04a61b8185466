package app

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// hunt looks for secrets in whatever it is shown, in every form that programs
// put texts in. It shares no code with the redactor, which it checks.
type hunt struct {
	mu      sync.Mutex
	needles map[string]string // form by its text: "git password, hex"
	found   map[string]bool   // "the log: git password, hex"
	looked  map[string]string // files by path and processes by id, as they were when they were read
	places  map[string]int    // how often each kind of place was looked at
}

func newHunt(s *site) *hunt {
	h := &hunt{needles: map[string]string{}, found: map[string]bool{}, looked: map[string]string{}, places: map[string]int{}}
	names := []string{"private key", "git password", "service-account token", "Slack webhook"}
	for i, secret := range s.Secrets() {
		h.add(names[i], secret)
	}
	_, hook, _ := strings.Cut(s.Slack.WebhookURL(), "/services/")
	h.add("Slack webhook's path", hook)
	h.tokens(s)
	return h
}

// tokens adds the Vault tokens that were used so far.
func (h *hunt) tokens(s *site) {
	for _, call := range s.Vault.Calls() {
		if call.Token != "" {
			h.add("Vault token", call.Token)
		}
	}
}

// add makes the needles of a secret: it as a whole and each of its lines.
func (h *hunt) add(name, secret string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	texts := append(strings.Split(secret, "\n"), secret, strings.TrimSpace(secret))
	for _, text := range texts {
		if len(text) < 8 || strings.HasPrefix(text, "-----") && !strings.Contains(text, "\n") {
			continue
		}
		forms := encodings(text)
		h.needles[text] = name + ", plain"
		for form, needle := range forms {
			if needle != text {
				h.needles[needle] = name + ", " + form
			}
		}
	}
}

// encodings are the forms of a text by name.
func encodings(text string) map[string]string {
	quoted, _ := json.Marshal(text) // of a string, it cannot fail
	html := strings.NewReplacer("/", `\/`).Replace(string(quoted))
	forms := map[string]string{
		"hex": hex.EncodeToString([]byte(text)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(text))),
		"URL query": url.QueryEscape(text), "URL path": url.PathEscape(text),
		"JSON": string(quoted[1 : len(quoted)-1]), "JSON with escaped slashes": html[1 : len(html)-1],
	}
	for before := range 3 {
		// What surrounds the text decides the characters at both ends.
		padded := append(make([]byte, before), text...)
		padded = append(padded, make([]byte, (3-len(padded)%3)%3)...)
		first, last := (before*8+5)/6, (before+len(text))*8/6
		name := "base64, " + strconv.Itoa(before) + " bytes before it"
		forms[name] = base64.StdEncoding.EncodeToString(padded)[first:last]
		if safe := base64.URLEncoding.EncodeToString(padded)[first:last]; safe != forms[name] {
			forms["URL-safe "+name] = safe
		}
	}
	return forms
}

// search looks for every needle in one place.
func (h *hunt) search(place string, content []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for needle, form := range h.needles {
		if bytes.Contains(content, []byte(needle)) {
			h.found[place+": "+form] = true
		}
	}
}

func (h *hunt) count(kind string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.places[kind]++
}

// files searches every file below the folders that was not searched in the same
// state before. Files that vanish meanwhile are a run's own affair.
func (h *hunt) files(folders ...string) {
	for _, folder := range folders {
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, _ error) error {
			if entry != nil && entry.IsDir() && entry.Name() == "tree" && strings.HasPrefix(filepath.Base(filepath.Dir(path)), "plan-") {
				return filepath.SkipDir // a run ends when somebody else is at work there, see watched
			}
			if entry == nil || !entry.Type().IsRegular() {
				return nil
			}
			state := "gone"
			if info, err := entry.Info(); err == nil {
				state = fmt.Sprint(info.Size(), info.ModTime())
			}
			if h.looked[path] == state {
				return nil
			}
			if content, err := os.ReadFile(path); err == nil {
				h.looked[path] = state
				h.count("files")
				h.search(path, content)
			}
			return nil
		})
	}
}

// processes searches arguments and environment of every process of the world in
// dir that was not searched before. Two environments are no business of a run:
// that of the program itself, in which Woodpecker hands the settings on, and
// that of the git server, to which the login is addressed.
func (h *hunt) processes(dir string, program int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		arguments, _ := os.ReadFile("/proc/" + entry.Name() + "/cmdline")
		if h.looked[entry.Name()] == string(arguments) {
			continue
		}
		environment, _ := os.ReadFile("/proc/" + entry.Name() + "/environ")
		folder, _ := os.Readlink("/proc/" + entry.Name() + "/cwd")
		if len(environment) > 0 {
			h.looked[entry.Name()] = string(arguments)
		}
		if pid == program {
			h.search("arguments of the program", arguments)
			continue
		}
		ours := strings.HasPrefix(folder, dir) || bytes.Contains(arguments, []byte(dir)) || bytes.Contains(environment, []byte(dir))
		if !ours || bytes.Contains(environment, []byte("GATEWAY_INTERFACE=")) {
			continue
		}
		h.count("processes")
		name, _, _ := strings.Cut(string(arguments), "\x00")
		h.search("arguments of "+name, arguments)
		h.search("environment of "+name, environment)
	}
}

func (h *hunt) slack(s *site) {
	for _, message := range s.Slack.Messages() {
		body, err := json.Marshal(message.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		h.count("messages")
		h.search("what Slack was told", body)
		for _, text := range plainTexts(message.Body) {
			h.search("what Slack was told", []byte(text))
		}
	}
}

// plainTexts is every string in a value, without JSON's escapes.
func plainTexts(value any) (all []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v {
			all = append(all, plainTexts(one)...)
		}
	case map[string]any:
		for name, one := range v {
			all = append(append(all, name), plainTexts(one)...)
		}
	}
	return all
}

// remote searches every object and ref of the git remote.
func (h *hunt) remote(s *site) {
	s.t.Helper()
	for _, args := range [][]string{{"cat-file", "--batch-all-objects", "--batch"}, {"for-each-ref"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = s.Repo.Path()
		out, err := cmd.Output()
		if err != nil {
			s.t.Fatalf("git %s: %v", args[0], err)
		}
		h.count("git")
		h.search("the git remote", out)
	}
}

func (h *hunt) list() []string { return slices.Sorted(maps.Keys(h.found)) }

func (h *hunt) nothing(t *testing.T) {
	t.Helper()
	for _, found := range h.list() {
		t.Errorf("a secret is in %s", found)
	}
}

// watched is a whole run as a process of its own, watched from outside from its
// first moment to its last, for its secrets and a text that is planted.
func (s *site) watched(change map[string]string, planted string) *hunt {
	s.t.Helper()
	temporary, copied := s.t.TempDir(), s.t.TempDir()
	change = maps.Clone(change)
	change["PLUGIN_VERIFY_COMMAND"] = "cp -R . " + copied // the workspace of the plan
	cmd := s.process(change)
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	h := newHunt(s)
	h.add("planted", planted)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the code is looked at below
	}()
	dir := filepath.Dir(s.Home)
	for turn, running := 0, true; running; turn++ {
		select {
		case <-ended:
			running = false
		case <-time.After(40 * time.Millisecond):
		}
		h.processes(dir, cmd.Process.Pid)
		if turn%5 == 0 {
			h.tokens(s)
			h.files(temporary, s.Home, s.Workspace())
		}
	}
	s.last = log.String()
	s.wants(0, cmd.ProcessState.ExitCode())
	h.tokens(s)
	h.looked = map[string]string{} // tokens came to be known after some files were read
	h.files(temporary, s.Home, s.Workspace(), copied)
	if seen, err := os.ReadDir(copied); err != nil || len(seen) == 0 {
		s.t.Errorf("nothing of the workspace was looked at: %v", err)
	}
	h.search("the log", log.Bytes())
	h.slack(s)
	h.remote(s)
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		s.t.Errorf("temporary files are left: %v, %v", left, err)
	}
	return h
}

// TestThreat9_NoSecretIsInAnythingThatARunWrote hunts for the secrets of a run, and for
// a text that a command of the settings leaks in every place that it can reach: that is
// found, so the secrets would be.
func TestThreat9_NoSecretIsInAnythingThatARunWrote(t *testing.T) {
	t.Parallel()
	notShort(t)
	s := alertSite(t)
	planted := rand.Text()
	leak := base64.StdEncoding.EncodeToString([]byte("x" + planted))
	h := s.watched(map[string]string{
		"PLUGIN_LOG_LEVEL": "trace", "PLUGIN_NOTIFY": "always",
		"PLUGIN_PREPARE_COMMAND": "echo " + leak + " >~/planted; LEAK=" + planted + " sleep 1; sh -c 'sleep 1; :' " + hex.EncodeToString([]byte(planted)),
	}, planted)
	for _, one := range []string{
		filepath.Join(s.Home, "planted") + ": planted, base64, 1 bytes before it", "environment of sleep: planted, plain", "arguments of sh: planted, hex",
	} {
		if !h.found[one] {
			t.Errorf("not found: %s; found are %q", one, h.list())
		}
	}
	for _, found := range h.list() {
		if !strings.Contains(found, ": planted, ") {
			t.Errorf("a secret is in %s", found)
		}
	}
	for _, kind := range []string{"files", "processes", "messages", "git"} {
		if h.places[kind] == 0 {
			t.Errorf("no %s were looked at", kind)
		}
	}
	if !slices.ContainsFunc(slices.Collect(maps.Values(h.needles)), func(form string) bool { return strings.HasPrefix(form, "Vault token") }) {
		t.Error("the Vault token was not looked for")
	}
}

// TestHuntFindsEveryForm has every form of secrets, wherever they stand in a text.
func TestHuntFindsEveryForm(t *testing.T) {
	for _, secret := range []string{rand.Text(), "standin-git-password", "with/slashes+and=&<signs>"} {
		h := &hunt{needles: map[string]string{}, found: map[string]bool{}}
		h.add("secret", secret)
		for _, around := range []string{"", "a", "ab", "abc"} {
			text := around + secret + around
			for _, whole := range []string{
				text, hex.EncodeToString([]byte(text)), base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text)),
				url.QueryEscape(text), fmt.Sprintf("%q", text),
			} {
				clear(h.found)
				if h.search("planted", []byte(whole)); len(h.found) == 0 {
					t.Errorf("not found in %.60s", whole)
				}
			}
		}
	}
}
