package agent

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Progress is what an agent that is at work has done so far, as far as its events
// tell.
type Progress struct {
	Turns int      // answers of the model
	Files []string // that it wrote, relative to its folder, each once
	Steps []string // the tools that it used since the last look, one line each
}

// Limits of what is kept of a stream.
const (
	longestEvent = 1 << 20 // bytes; a longer one is passed over
	mostFiles    = 1000
	mostSteps    = 200 // of one look
	longestStep  = 160 // characters
)

// Follower reads a stream of events while it is written.
type Follower struct {
	take func(*Follower, json.RawMessage)

	line    []byte // the beginning of one that has not ended
	passing bool   // the line is too long, and its end is awaited
	folder  string // of the agent
	answer  string // what tells the last answer from the next
	done    Progress
}

// Next takes what was written since the last call.
func (f *Follower) Next(chunk []byte) Progress {
	f.done.Steps = nil
	for len(chunk) > 0 {
		part, rest, ended := bytes.Cut(chunk, []byte{'\n'})
		chunk = rest
		if f.passing = f.passing || len(f.line)+len(part) > longestEvent; f.passing {
			f.line = nil
		} else {
			f.line = append(f.line, part...)
		}
		if !ended {
			break
		}
		if event, _, err := eventOf(f.line); err == nil {
			f.take(f, event)
		}
		f.line, f.passing = f.line[:0], false
	}
	done := f.done
	done.Files = slices.Clone(done.Files)
	return done
}

// relative is a path below the agent's folder without that, where it is told.
func (f *Follower) relative(path string) string {
	if f.folder == "" {
		return path
	}
	return strings.TrimPrefix(path, strings.TrimSuffix(f.folder, "/")+"/")
}

func (f *Follower) step(what, on string) {
	if len(f.done.Steps) < mostSteps {
		f.done.Steps = append(f.done.Steps, strings.TrimSpace(text.Line(what+" "+on, longestStep)))
	}
}

// wrote notes a file that the agent wrote.
func (f *Follower) wrote(file string) {
	if file != "" && len(f.done.Files) < mostFiles && !slices.Contains(f.done.Files, file) {
		f.done.Files = append(f.done.Files, file)
	}
}

// used notes a tool that writes or not, and the words of its input that say on
// what: a file first.
func (f *Follower) used(tool string, writes bool, file string, words ...string) {
	file = f.relative(file)
	if writes {
		f.wrote(file)
	}
	f.step(tool, strings.TrimSpace(strings.Join(append([]string{file}, words...), " ")))
}
