package host

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// An answer is what a script said between its nonce marks: lines
// "NONCE key words" and blocks "NONCE key:length" followed by that many bytes
// and the line "NONCE done". Everything else on the stream is noise; a program
// that a login left behind may still write, and must not do so inside a block.
type answer struct {
	lines  map[string][]string
	blocks map[string][][]byte
	step   string // the last one that began
	began  bool   // the first mark came
	whole  bool   // the last mark came
}

// get is the last line of that key, "" when there is none.
func (a *answer) get(key string) string {
	if all := a.lines[key]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

func (a *answer) has(key string) bool { return len(a.lines[key]) > 0 }

// number is the line of that key as a number, -1 when it is none.
func (a *answer) number(key string) int64 {
	n, err := strconv.ParseInt(a.get(key), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// block is the last block of that key, nil when there is none.
func (a *answer) block(key string) []byte {
	if all := a.blocks[key]; len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
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
func (r reading) read(stream io.Reader) (*answer, error) {
	a := &answer{lines: map[string][]string{}, blocks: map[string][][]byte{}}
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

func (r reading) take(a *answer, in io.Reader, key, words string) (done bool, err error) {
	name, digits, isBlock := strings.Cut(key, ":")
	if isBlock {
		block, err := r.block(in, name, digits)
		a.blocks[name] = append(a.blocks[name], block)
		return false, err
	}
	a.lines[key] = append(a.lines[key], words)
	switch key {
	case "begin":
		a.began = true
	case "step":
		a.step = words
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
