package fake

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Turn is what the agent does when it is asked for an item.
type Turn struct {
	Of      string            // part of what the item says
	Change  map[string]string // files with their contents, "" for those that go
	Edit    map[string]func(string) string
	Report  agent.Report
	Takes   time.Duration
	Several bool // it may be asked for it again

	used bool
}

// Script has the agent take these turns. What it is asked besides is an error.
func (w *World) Script(turns ...*Turn) { w.turns = append(w.turns, turns...) }

// turn is the next turn for what the prompt is about.
func (w *World) turn(prompt []byte) *Turn {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range w.turns {
		if strings.Contains(string(prompt), t.Of) && (!t.used || t.Several) {
			t.used = true
			return t
		}
	}
	w.t.Errorf("unexpected: the agent is asked for\n%s", prompt)
	return nil
}

// Workspace is a work tree for the agent.
func (h *Host) Workspace(ctx context.Context, commit string, snapshot host.Snapshot) (seam.AgentSpace, error) {
	files, err := unpack(snapshot)
	if err != nil {
		return nil, err
	}
	err = h.call(ctx, changes(h.run, "make a workspace for the agent"), func(How) error {
		_, err := h.own()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &agentSpace{h, files}, nil
}

type agentSpace struct {
	h     *Host
	files map[string]string
}

// Host is the name of the host.
func (s *agentSpace) Host() string { return s.h.Name() }

// Turn does what the script says, once its time is over.
func (s *agentSpace) Turn(ctx context.Context, _ agent.Definition, prompt []byte, _ float64) (report agent.Report, err error) {
	turn := s.h.w.turn(prompt)
	if turn == nil {
		return report, fault.Mark(fault.Failed, errors.New("the agent knows nothing of it"))
	}
	select {
	case <-time.After(turn.Takes):
	case <-ctx.Done():
	}
	err = s.h.call(ctx, changes(s.h.run, "the agent works"), func(How) error {
		for path, edit := range turn.Edit {
			if edited := edit(s.files[path]); edited != "" {
				s.files[path] = edited
			}
		}
		for path, content := range turn.Change {
			if s.files[path] = content; content == "" {
				delete(s.files, path)
			}
		}
		report = turn.Report
		return nil
	})
	if err != nil {
		return agent.Report{}, err
	}
	return report, nil
}

// Export is what the agent left.
func (s *agentSpace) Export(ctx context.Context, _ int64) (tree string, pack []byte, err error) {
	err = s.h.call(ctx, reads(s.h.run, "bring the agent's tree back"), func(How) error {
		tree = hashOf(s.files)
		pack, err = json.Marshal(s.files)
		return err
	})
	return tree, pack, err
}
