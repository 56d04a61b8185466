// Package script is the shell on the far side: POSIX sh scripts that one
// constant command line starts, and the conversation with them.
//
// Every value travels on standard input, quoted; whatever is read back is framed
// by a nonce, so that a noisy login cannot spoil it. What a host answers is
// untrusted: its length is capped here, and nothing of it is believed without a
// check by whoever uses it.
package script

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// A Shell runs the scripts on one machine. It is safe for concurrent use.
type Shell struct {
	Name  string // of the machine, for errors
	Root  string // absolute folder for run directories, "" for the default in the user's home there
	Start func(context.Context) (*Stream, error)
	Tempo Tempo

	mu      sync.Mutex
	idle    []*session
	retired int // times that Retire was called
}

// A Stream is the command line under way on a machine.
type Stream struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Stderr io.Reader
	Wait   func() error // after Stdout ended: how the command ended, an error that knows its exit code when it ended by itself
	Kill   func()       // lets go of everything at once, without waiting
}

// Tempo holds the times of the conversation; tests shorten them.
type Tempo struct {
	Heartbeat time.Duration // between two signs of life to the host
	Lease     time.Duration // silence after which the host ends what it runs
	Slack     time.Duration // how much longer than its own limits a host may take
}

// feeding is the lease while the task's input is under way. The task waits for
// it and does nothing else.
func (t Tempo) feeding() time.Duration { return 6 * t.Lease }

// UsualTempo is what hosts are talked to with.
func UsualTempo() Tempo {
	return Tempo{Heartbeat: 3 * time.Second, Lease: 10 * time.Second, Slack: 30 * time.Second}
}

// A Job is one round trip: a task in a session that watches it.
type Job struct {
	Doing     string    // "building the workspace agent", for errors
	Files     []string  // scripts after the prelude
	Variables Variables // of the task
	Payload   io.Reader // the task's standard input, nil for none

	Timeout time.Duration // of the task; 0 means a minute
	Idle    time.Duration // without output in the watched files; 0 for none
	Grace   time.Duration // after each signal; 0 means two seconds
	Signals string        // tried before KILL; empty means TERM
	Watch   string        // folder of output files on the host
	Most    int64         // bytes these may hold, 0 for any number
	Fetch   int64         // bytes of each that are brought back
	Mark    bool          // also ends what left the process group
	Box     string        // file in which bubblewrap tells of its namespace, which ends as well, "" for none
	Final   string        // pattern of the line by which the task says that it is done, "" for none
	Linger  time.Duration // how long it may go on after that in silence

	Limits map[string]int64        // most bytes per kind of block
	Notice func(key, words string) // told of every line as it comes
	Sent   *atomic.Bool            // set before the host may learn of the task
}

func (j *Job) fill() {
	j.Doing = text.Line(j.Doing, 0) // a folder of the repository may have any name
	if j.Timeout <= 0 {
		j.Timeout = time.Minute
	}
	if j.Grace <= 0 {
		j.Grace = 2 * time.Second
	}
	if j.Signals == "" {
		j.Signals = "TERM"
	}
}

// ending is how long the host may take to end the task.
func (j *Job) ending() time.Duration {
	return time.Duration(len(strings.Fields(j.Signals)))*j.Grace + 5*time.Second
}

// seconds rounds up: 0 would mean no limit.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// values is what a session has to know of a task, and the task itself with the
// beginning of its input.
func (s *Shell) values(j Job, nonce string, input []byte) (Variables, error) {
	variables := maps.Clone(j.Variables)
	if variables == nil {
		variables = Variables{}
	}
	variables["nonce"], variables["root"] = nonce, s.Root
	task, err := compose(variables, append([]string{"prelude"}, j.Files...)...)
	if err != nil {
		return nil, err
	}
	mark := ""
	if j.Mark {
		mark = rand.Text()
	}
	return Variables{
		"nonce":   nonce,
		"root":    "",
		"boot":    Boot,
		"task":    framed(task),
		"input":   escape(input),
		"timeout": seconds(j.Timeout),
		"idle":    seconds(j.Idle),
		"grace":   seconds(j.Grace),
		"lease":   seconds(s.Tempo.Lease),
		"feeding": seconds(s.Tempo.feeding()),
		"signals": j.Signals,
		"watch":   j.Watch,
		"most":    strconv.FormatInt(j.Most, 10),
		"fetch":   strconv.FormatInt(j.Fetch, 10),
		"mark":    mark,
		"box":     j.Box,
		"final":   j.Final,
		"linger":  seconds(j.Linger),
	}, nil
}

// Do makes one round trip. With an error the answer is nil, or what came until
// the context ended or the connection was lost.
func (s *Shell) Do(ctx context.Context, j Job) (*Answer, error) {
	j.fill()
	nonce := rand.Text()
	input, err := j.begin(ctx)
	if ctx.Err() != nil {
		return nil, s.cancelled(ctx, j.Doing)
	}
	if err != nil {
		return nil, s.unread(j, err)
	}
	values, err := s.values(j, nonce, input)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", j.Doing, s.Name, err)
	}
	on, err := s.session(ctx, j)
	if err != nil {
		return nil, err
	}
	stays := false
	defer func() {
		if !stays {
			on.stream.Kill()
		}
	}()
	line, err := on.line(values)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", j.Doing, s.Name, err)
	}
	talk := s.converse(on, j, nonce, line)
	defer talk.hush()
	select {
	case <-talk.done:
	case <-ctx.Done():
		// End of file is what tells the host to stop; it answers once more.
		talk.hush()
		return talk.within(j.ending() + s.Tempo.Slack/6), s.cancelled(ctx, j.Doing)
	case <-time.After(j.Timeout + j.ending() + s.Tempo.Slack):
		return nil, s.gone(j, talk, "it is silent for longer than it may be")
	}
	answer, err := s.judge(j, talk)
	stays = talk.rests() && s.keep(on)
	return answer, err
}

// cancelled is the error of a context that ended.
func (s *Shell) cancelled(ctx context.Context, doing string) error {
	return fault.Mark(fault.Temporary, fmt.Errorf("%s on %s: %w", doing, s.Name, context.Cause(ctx)))
}
