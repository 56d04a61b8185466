package agent

import (
	"bytes"
	"cmp"
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

// Follower reads a stream of events while it is written. Its zero value is at the
// beginning.
type Follower struct {
	line    []byte // the beginning of one that has not ended
	passing bool   // the line is too long, and its end is awaited
	folder  string // of the agent
	answer  string // id of the last answer
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
			f.take(event)
		}
		f.line, f.passing = f.line[:0], false
	}
	done := f.done
	done.Files = slices.Clone(done.Files)
	return done
}

// take reads the two events that tell of progress: the first, and each piece of an
// answer.
func (f *Follower) take(event json.RawMessage) {
	var e struct {
		Type    string `json:"type"`
		Folder  string `json:"cwd"`
		Message struct {
			ID      string `json:"id"`
			Content []struct {
				Type  string          `json:"type"`
				Name  string          `json:"name"`
				Input json.RawMessage `json:"input"`
			} `json:"content"`
		} `json:"message"`
	}
	if json.Unmarshal(event, &e) != nil {
		return
	}
	switch e.Type {
	case "system":
		f.folder = cmp.Or(e.Folder, f.folder)
	case "assistant":
		if e.Message.ID == "" || e.Message.ID != f.answer {
			f.done.Turns++
		}
		f.answer = e.Message.ID
		for _, piece := range e.Message.Content {
			if piece.Type == "tool_use" {
				f.step(piece.Name, f.subject(piece.Name, piece.Input))
			}
		}
	}
}

// subject is what a tool is used on, in one of the words that its input may have.
func (f *Follower) subject(tool string, input json.RawMessage) string {
	var named struct {
		File    string `json:"file_path"`
		Pattern string `json:"pattern"`
		Path    string `json:"path"`
		Command string `json:"command"`
	}
	_ = json.Unmarshal(input, &named) // a tool of another shape has no subject
	file := f.relative(named.File)
	if (tool == "Edit" || tool == "Write") && file != "" && len(f.done.Files) < mostFiles && !slices.Contains(f.done.Files, file) {
		f.done.Files = append(f.done.Files, file)
	}
	return strings.TrimSpace(strings.Join([]string{file, named.Pattern, f.relative(named.Path), named.Command}, " "))
}

// relative is a path below the agent's folder without that.
func (f *Follower) relative(path string) string {
	return strings.TrimPrefix(path, strings.TrimSuffix(f.folder, "/")+"/")
}

func (f *Follower) step(what, on string) {
	if len(f.done.Steps) < mostSteps {
		f.done.Steps = append(f.done.Steps, strings.TrimSpace(text.Line(what+" "+on, longestStep)))
	}
}
