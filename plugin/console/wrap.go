package console

import (
	"bytes"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// widthOf is the width of the terminal behind w, 0 when there is none: what is
// read by something else is not broken into lines.
func widthOf(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// hanging is what goes on below the message of a line, beside level and stage.
const hanging = "               "

// wrapped breaks the lines of a log between words, where a terminal would break
// them within.
type wrapped struct {
	to    io.Writer
	width int
}

func (w wrapped) Write(line []byte) (int, error) {
	if _, err := w.to.Write(wrap(line, w.width)); err != nil {
		return 0, err
	}
	return len(line), nil
}

var colour = pattern.Lazy("\x1b\\[[0-9;]*m")

// wrap breaks one line, if that leaves room for words.
func wrap(line []byte, width int) []byte {
	text, ended := bytes.CutSuffix(line, []byte("\n"))
	if !ended || width < 2*len(hanging) {
		return line
	}
	var out bytes.Buffer
	at := 0
	for i, word := range bytes.Split(text, []byte(" ")) {
		columns := utf8.RuneCount(colour().ReplaceAll(word, nil))
		switch {
		case i == 0:
		case at+1+columns > width && at > len(hanging):
			out.WriteString("\n" + hanging)
			at = len(hanging)
		default:
			out.WriteByte(' ')
			at++
		}
		out.Write(word)
		at += columns
	}
	out.WriteByte('\n')
	return out.Bytes()
}
