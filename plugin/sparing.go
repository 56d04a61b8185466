package plugin

import "github.com/rs/zerolog"

// mostLines is how many lines the log spends on things of one kind.
const mostLines = 100

// sparing counts the lines of one kind.
type sparing int

// next reports whether the next thing still gets a line of its own.
func (s *sparing) next() bool {
	*s++
	return *s <= mostLines
}

// rest tells how many things had none, and what they are.
func (s *sparing) rest(log zerolog.Logger, stage, what string) {
	if more := int(*s) - mostLines; more > 0 {
		log.Warn().Str("stage", stage).Int("more", more).Msgf("%d more %s; only the first %d are listed", more, what, mostLines)
	}
}
