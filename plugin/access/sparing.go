package access

import "github.com/rs/zerolog"

// mostLines is how many lines the log spends on things of one kind.
const mostLines = 100

// Sparing counts the lines of one kind.
type Sparing int

// Next reports whether the next thing still gets a line of its own.
func (s *Sparing) Next() bool {
	*s++
	return *s <= mostLines
}

// Rest tells how many things had none, and what they are.
func (s *Sparing) Rest(log zerolog.Logger, stage, what string) {
	if more := int(*s) - mostLines; more > 0 {
		log.Warn().Str("stage", stage).Int("more", more).Msgf("%d more %s; only the first %d are listed", more, what, mostLines)
	}
}
