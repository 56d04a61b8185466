// Package console is where the program is told of while it works: its log, and
// what it prints on the same stream, both without the secrets that are known.
package console

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Console is where a run is told of: its log, and its closing table on the
// same stream, both without the secrets that the redactor knows.
type Console struct {
	Version  string // of this program
	Log      zerolog.Logger
	Out      io.Writer
	Redactor *secret.Redactor
	Look     report.Look // of the closing table
}

// Opener opens what the settings name, and tells of it here.
func (c Console) Opener(s settings.Settings) access.Opener {
	return access.Opener{Settings: s, Log: c.Log, Redactor: c.Redactor}
}

// stageField is in every line of the log.
const stageField = "stage"

// New opens the log on w, in the format and from the level that the
// settings name. colour is for the console format. The console knows the
// secrets of the settings; those that are fetched later go to its Redactor.
// The function returned passes on what the redactor still holds back; call it
// at the end.
func New(version string, s settings.Settings, w io.Writer, colour bool) (Console, func() error) {
	redactor := &secret.Redactor{}
	redactor.Add(s.Secrets()...)
	out := redactor.Writer(w)
	var lines io.Writer = out
	if s.Report.LogFormat != "json" {
		lines = consoleLines(wrapped{out, widthOf(w)}, colour)
	}
	level, err := zerolog.ParseLevel(s.Report.LogLevel)
	if err != nil || level == zerolog.NoLevel {
		level = zerolog.InfoLevel
	}
	columns, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil {
		columns = widthOf(w) // shells keep the variable to themselves
	}
	log := zerolog.New(staged{lines}).Level(level)
	if s.Report.LogFormat == "json" {
		log = log.With().Timestamp().Logger()
	}
	return Console{
		Version: version, Out: out, Redactor: redactor, Look: report.Look{Width: columns, Colour: colour && s.Report.LogFormat != "json"},
		Log: log,
	}, out.Close
}

// staged adds the field stage to lines that were logged without one, so that
// every line can be found by it.
type staged struct{ to io.Writer }

func (s staged) Write(line []byte) (int, error) {
	out := line
	if rest, ok := bytes.CutPrefix(line, []byte("{")); ok && !bytes.Contains(line, []byte(`"`+stageField+`":"`)) {
		out = append([]byte(`{"`+stageField+`":"run",`), rest...)
	}
	if _, err := s.to.Write(out); err != nil {
		return 0, err
	}
	return len(line), nil
}

// consoleLines writes short lines for people: level, stage, message, fields.
// The user interface of the CI stamps the time.
func consoleLines(out io.Writer, colour bool) io.Writer {
	return zerolog.ConsoleWriter{
		Out: out, NoColor: !colour,
		PartsOrder:    []string{zerolog.LevelFieldName, stageField, zerolog.MessageFieldName},
		FieldsExclude: []string{stageField},
		FormatPrepare: readable,
		FormatPartValueByName: func(value any, _ string) string {
			return fmt.Sprintf("%-10s", text.Line(fmt.Sprint(value), 20))
		},
		// Fields are quoted by zerolog; messages are not.
		FormatMessage: func(message any) string {
			if message == nil {
				return ""
			}
			text := text.Line(fmt.Sprint(message), 0)
			if loud, ok := message.(loudMessage); ok && colour {
				return "\x1b[" + loud.colour + "m" + text + "\x1b[0m"
			}
			return text
		},
	}
}

// loudMessage is a message that stands out by a colour, an ANSI code.
type loudMessage struct{ text, colour string }

func (m loudMessage) String() string { return m.text }

// readable makes a line fit to be skimmed: warnings and errors stand out, and
// what the closing table says in full is short or left out.
func readable(line map[string]any) error {
	text, _ := line[zerolog.MessageFieldName].(string)
	switch line[zerolog.LevelFieldName] {
	case zerolog.LevelWarnValue:
		line[zerolog.MessageFieldName] = loudMessage{text, "33"} // yellow
	case zerolog.LevelErrorValue, zerolog.LevelFatalValue:
		line[zerolog.MessageFieldName] = loudMessage{text, "1;31"} // bold red
		if line[stageField] == "run" {
			delete(line, zerolog.ErrorFieldName) // the closing table has it
		}
	default:
		if line["item"] != nil && line[stageField] != "item" {
			delete(line, "document") // the line that ends the item tells
			if line["nth"] != nil {
				delete(line, "item") // by its place it is found more easily
			}
		}
	}
	if line[stageField] == "item" || line[stageField] == "items" { // the sentence has it
		delete(line, "title")
	}
	if line[stageField] == "documents" { // the sentence has them
		delete(line, "documents")
		delete(line, "of")
	}
	if commit, ok := line["commit"].(string); ok && len(commit) >= 40 {
		line["commit"] = commit[:12]
	}
	return nil
}

// MayColour reports whether w shows ANSI colours: a terminal does, and so does
// the log of the CI. NO_COLOR turns them off.
func MayColour(w io.Writer, get func(string) string) bool {
	if get("NO_COLOR") != "" || strings.EqualFold(get("TERM"), "dumb") {
		return false
	}
	if get("CI") != "" {
		return true
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
