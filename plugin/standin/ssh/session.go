package ssh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// session serves one session channel: one command.
func (s *Server) session(offer ssh.NewChannel) {
	channel, requests, err := offer.Accept()
	if err != nil {
		return
	}
	var child *command
	for request := range requests {
		switch {
		case request.Type == "exec" && child == nil:
			child = &command{channel: channel}
			if err := s.start(child, request); err != nil {
				_, _ = fmt.Fprintln(channel.Stderr(), err)
				_ = channel.Close()
			}
		default:
			// Terminals, subsystems, agent forwarding and variables of the
			// client are what a locked-down server refuses.
			reply(request, false)
		}
	}
	// The requests end with the channel: the client is done, or gone.
	if child != nil {
		child.lost()
	}
	_ = channel.Close()
}

func reply(request *ssh.Request, ok bool) {
	if request.WantReply {
		_ = request.Reply(ok, nil)
	}
}

// start runs the command of an exec request and answers it.
func (s *Server) start(child *command, request *ssh.Request) error {
	var payload struct{ Command string }
	if err := ssh.Unmarshal(request.Payload, &payload); err != nil {
		reply(request, false)
		return errors.New("the exec request cannot be read")
	}
	s.sessions.Add(1)
	reply(request, true)
	cmd := exec.Command("sh", "-c", payload.Command)
	cmd.Dir, cmd.Env = s.options.Home, s.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ended := make(chan struct{})
	if err := s.startOpen(child, cmd, ended); err != nil {
		return err
	}
	go func() {
		child.wait(cmd)
		s.mu.Lock()
		delete(s.children, child.group)
		s.mu.Unlock()
		close(ended)
	}()
	return nil
}

// startOpen starts the command unless the server is closing, which waits for
// the commands that it knows of.
func (s *Server) startOpen(child *command, cmd *exec.Cmd, ended chan struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the stand-in SSH host is shutting down")
	}
	if err := child.start(cmd); err != nil {
		return err
	}
	s.children[child.group] = ended
	return nil
}

// command joins a command's pipes with its channel. The pipes are the
// server's own, so that a lost channel closes its ends of them and leaves the
// process alone, as OpenSSH does.
type command struct {
	channel ssh.Channel
	group   int // process group, 0 until the command runs
	outputs []*os.File
	copies  sync.WaitGroup
}

func (c *command) start(cmd *exec.Cmd) error {
	var read, write [3]*os.File
	closeAll := func(files ...*os.File) {
		for _, file := range files {
			if file != nil {
				_ = file.Close()
			}
		}
	}
	for i := range read {
		var err error
		if read[i], write[i], err = os.Pipe(); err != nil {
			closeAll(append(read[:], write[:]...)...)
			return fmt.Errorf("pipe for a command on the stand-in SSH host: %w", err)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read[0], write[1], write[2]
	if err := cmd.Start(); err != nil {
		closeAll(append(read[:], write[:]...)...)
		return fmt.Errorf("command on the stand-in SSH host: %w", err)
	}
	closeAll(read[0], write[1], write[2])
	c.group = cmd.Process.Pid
	c.outputs = read[1:]
	c.feed(write[0])
	c.drain(read[1], c.channel)
	c.drain(read[2], c.channel.Stderr())
	return nil
}

// lost closes the server's ends of the outputs, so that the command's next
// write fails.
func (c *command) lost() {
	for _, file := range c.outputs {
		_ = file.Close()
	}
}

// feed passes the client's bytes to the command until the client's end of
// file, or until the connection is lost.
func (c *command) feed(stdin *os.File) {
	go func() {
		_, _ = io.Copy(stdin, c.channel)
		_ = stdin.Close()
	}()
}

// drain passes one output of the command to the client.
func (c *command) drain(from *os.File, to io.Writer) {
	c.copies.Add(1)
	go func() {
		defer c.copies.Done()
		_, _ = io.Copy(to, from)
		_ = from.Close()
	}()
}

// wait reports the command's end at once, and closes the channel when nothing
// holds its output open any more.
func (c *command) wait(cmd *exec.Cmd) {
	_ = cmd.Wait()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		_, _ = c.channel.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Signal  string
			Core    bool
			Message string
			Lang    string
		}{strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG"), status.CoreDump(), "", ""}))
	} else {
		code := make([]byte, 4)
		binary.BigEndian.PutUint32(code, uint32(status.ExitStatus()))
		_, _ = c.channel.SendRequest("exit-status", false, code)
	}
	go func() {
		c.copies.Wait()
		_ = c.channel.CloseWrite()
		_ = c.channel.Close()
	}()
}

// forward connects a client with another loopback port, for jump hosts.
func (s *Server) forward(offer ssh.NewChannel) {
	var target struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(offer.ExtraData(), &target); err != nil {
		_ = offer.Reject(ssh.ConnectionFailed, "the request cannot be read")
		return
	}
	address := net.JoinHostPort(target.Host, fmt.Sprint(target.Port))
	if ip := net.ParseIP(target.Host); target.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		_ = offer.Reject(ssh.Prohibited, "the stand-in reaches only this machine, not "+address)
		return
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		_ = offer.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := offer.Accept()
	if err != nil {
		_ = conn.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	go func() {
		_, _ = io.Copy(conn, channel)
		_ = conn.Close()
	}()
	_, _ = io.Copy(channel, conn)
	_ = channel.Close()
	_ = conn.Close()
}
