package script

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// An Answer is what a script said between its nonce marks: lines
// "NONCE key words" and blocks "NONCE key:length" followed by that many bytes
// and the line "NONCE done". Everything else on the stream is noise; a program
// that a login left behind may still write, and must not do so inside a block.
type Answer struct {
	Lines  map[string][]string
	Blocks map[string][][]byte
	Step   string // the last one that began

	began bool // the first mark came
	whole bool // the last mark came
}

// Get is the last line of that key, "" when there is none.
func (a *Answer) Get(key string) string { return last(a.Lines[key]) }

// Has reports whether there is a line of that key.
func (a *Answer) Has(key string) bool { return len(a.Lines[key]) > 0 }

// Number is the line of that key as a number, -1 when it is none.
func (a *Answer) Number(key string) int64 {
	n, err := strconv.ParseInt(a.Get(key), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Block is the last block of that key, nil when there is none.
func (a *Answer) Block(key string) []byte { return last(a.Blocks[key]) }

func last[T any](all []T) (one T) {
	if len(all) > 0 {
		one = all[len(all)-1]
	}
	return one
}

// Ended is the session's word on its task.
type Ended struct {
	Code   int    // exit code, 137 of a shell that could not say its own
	Reason string // why it was ended: timeout, idle, flood, final, or Unheard; "" when it ended by itself
	Left   bool   // something of it could not be ended
}

// Unheard is the reason of a session that heard nothing from here any more.
const Unheard = "unheard"

// Ended is how the task ended.
func (a *Answer) Ended() Ended {
	code, err := strconv.Atoi(a.Get("task-code"))
	if err != nil {
		code = 137
	}
	fields := strings.Fields(a.Get("ended"))
	if len(fields) != 2 {
		return Ended{Code: 137, Reason: Unheard}
	}
	ended := Ended{Code: code, Reason: fields[0], Left: fields[1] != "0"}
	switch ended.Reason {
	case "none":
		ended.Reason = ""
	case "timeout", "idle", "flood", "final":
	default: // "gone" and "silent", and what no session says
		ended.Reason = Unheard
	}
	return ended
}

const (
	lineMost  = 64 << 10 // bytes of one line that are looked at
	linesMost = 4096     // lines and blocks of one answer
	textMost  = 1 << 20  // bytes of a block that no limit names
)

// reading takes an answer from a stream.
type reading struct {
	nonce  string
	limits map[string]int64        // most bytes of the blocks of that key
	notice func(key, words string) // is told of every line, may be nil
}

// read returns after the end mark, or with what came before an error or the
// end of the stream.
func (r reading) read(stream io.Reader) (*Answer, error) {
	a := &Answer{Lines: map[string][]string{}, Blocks: map[string][][]byte{}}
	in := bufio.NewReaderSize(stream, lineMost)
	mark := []byte(r.nonce + " ")
	for count := 0; count < linesMost; {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			continue // noise: our lines are short
		}
		if err != nil {
			return a, err
		}
		rest, ours := bytes.CutPrefix(line, mark)
		if !ours {
			continue
		}
		count++
		key, words, _ := strings.Cut(strings.TrimSuffix(string(rest), "\n"), " ")
		if done, err := r.take(a, in, key, words); done || err != nil {
			return a, err
		}
	}
	return a, fmt.Errorf("%w: it has too many parts", ErrAnswer)
}

func (r reading) take(a *Answer, in io.Reader, key, words string) (done bool, err error) {
	name, digits, isBlock := strings.Cut(key, ":")
	if isBlock {
		block, err := r.block(in, name, digits)
		a.Blocks[name] = append(a.Blocks[name], block)
		return false, err
	}
	a.Lines[key] = append(a.Lines[key], words)
	switch key {
	case "begin":
		a.began = true
	case "step":
		a.Step = words
	case "end":
		a.whole = true
	}
	if r.notice != nil {
		r.notice(key, words)
	}
	return a.whole, nil
}

func (r reading) block(in io.Reader, name, digits string) ([]byte, error) {
	length, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || length < 0 {
		return nil, fmt.Errorf("%w: a block of no length", ErrAnswer)
	}
	most, named := r.limits[name]
	if !named {
		most = textMost
	}
	if length > most {
		return nil, fmt.Errorf("%w: the host wants to send %d bytes of %s, %d are taken", ErrTooLarge, length, name, most)
	}
	// Grows with what arrives: an announced length costs no memory.
	var block bytes.Buffer
	n, err := io.Copy(&block, io.LimitReader(in, length))
	if err == nil && n < length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return block.Bytes(), err
	}
	end := "\n" + r.nonce + " done\n"
	got := make([]byte, len(end))
	if _, err := io.ReadFull(in, got); err != nil {
		return block.Bytes(), err
	}
	if string(got) != end {
		return nil, fmt.Errorf("%w: something else writes into it (a program that a login script leaves behind?)", ErrAnswer)
	}
	return block.Bytes(), nil
}
