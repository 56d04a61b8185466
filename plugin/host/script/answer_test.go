package script

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestThreat7_AnswersAreFoundInNoise(t *testing.T) {
	const n = "00112233445566778899aabbccddeeff"
	whole := "\n" + n + " begin 1\n\n" + n + " step plan\n\n" + n + " stdout:5\na\nb\n\x00\n" + n + " done\n\n" + n + " end 1\n"
	for name, stream := range map[string]string{
		"clean":            whole,
		"greeting":         "Welcome\nto the jungle" + whole,
		"long line":        strings.Repeat("x", 3*lineMost) + whole,
		"look-alike":       "ffff end 1\nend 1\n x" + n + " fail x\n" + whole,
		"noise in between": strings.ReplaceAll(whole, " step plan\n", " step plan\nnoise"),
		"something after":  whole + n + " fail x\n",
	} {
		a, err := reading{nonce: n, limits: map[string]int64{"stdout": 10}}.read(strings.NewReader(stream))
		if err != nil || !a.whole || !a.began || a.Step != "plan" || string(a.Block("stdout")) != "a\nb\n\x00" || a.Has("fail") {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
	for name, c := range map[string]struct {
		stream string
		want   error
	}{
		"empty":            {"", io.EOF},
		"no end":           {"\n" + n + " begin 1\n", io.EOF},
		"cut block":        {"\n" + n + " stdout:5\nab", io.ErrUnexpectedEOF},
		"too long":         {"\n" + n + " stdout:11\n", ErrTooLarge},
		"absurdly long":    {"\n" + n + " stdout:9999999999999999999\n", ErrAnswer},
		"negative":         {"\n" + n + " stdout:-1\n", ErrAnswer},
		"noise in a block": {"\n" + n + " stdout:3\nabmotd\nc\n" + n + " done\n", ErrAnswer},
		"unknown, long":    {"\n" + n + " x:99999999\n", ErrTooLarge},
		"endless":          {strings.Repeat("\n"+n+" a b\n", linesMost+1), ErrAnswer},
	} {
		a, err := reading{nonce: n, limits: map[string]int64{"stdout": 10}}.read(strings.NewReader(c.stream))
		if !errors.Is(err, c.want) || a.whole {
			t.Errorf("%s: %+v, %v; want %v", name, a, err, c.want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("\nN begin 1\n\nN stdout:3\nabc\nN done\n\nN end 1\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		a, err := reading{nonce: "N", limits: map[string]int64{"stdout": 100}}.read(bytes.NewReader(stream))
		if (err == nil) != a.whole {
			t.Errorf("whole is %v with error %v", a.whole, err)
		}
		for _, block := range a.Blocks["stdout"] {
			if len(block) > 100 {
				t.Errorf("a block of %d bytes passed a limit of 100", len(block))
			}
		}
		_ = a.Ended()
	})
}

func TestThreat13_OutputIsCleanedForErrors(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[31mError: x\x1b[0m\r\n\x07":         "Error: x",
		"a\x1b]0;title\x07b\x00c":                 "abc",
		"\u202eevil\u2066":                        "evil",
		"bad \xff utf8":                           "bad \ufffd utf8",
		strings.Repeat("x", 3*tailLength) + "end": "…" + strings.Repeat("x", tailLength-3) + "end",
	} {
		if got := Tail([]byte(in)); got != want {
			t.Errorf("%.40q became %.40q, want %.40q", in, got, want)
		}
	}
}
