package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings/argv"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// reader puts the text of one setting into its field. Its error says what
// is wrong and the way out, without the setting's name, which the caller adds;
// errors joined with errors.Join are problems of their own.
type reader func(text string) error

// check looks at one value and says what is wrong with it.
type check func(value string) error

// asText reads one line of text.
func asText(field *string, checks ...check) reader {
	return func(text string) error {
		value := strings.TrimSpace(text)
		*field = value
		return runChecks(value, append([]check{oneLine}, checks...))
	}
}

// asLines reads a text of several lines.
func asLines(field *string, checks ...check) reader {
	return func(text string) error {
		value := strings.ReplaceAll(text, "\r\n", "\n")
		*field = value
		return runChecks(value, checks)
	}
}

// asSecret reads a secret of one line. Secrets pasted into a forge or a vault
// often end with a newline that belongs to nobody.
func asSecret(checks ...check) func(string) (secret.String, error) {
	return func(text string) (secret.String, error) {
		value := strings.TrimSpace(text)
		return secret.New(value), runChecks(value, append([]check{secretLine}, checks...))
	}
}

// asParsed reads what a function reads.
func asParsed[T any](field *T, parse func(text string) (T, error)) reader {
	return func(text string) (err error) {
		*field, err = parse(text)
		return err
	}
}

// asKey reads a private key, however a secret store hands it out.
func asKey(text string) (secret.String, error) {
	key := secret.New(sshkey.Text(text))
	_, err := sshkey.Private(key)
	return key, err
}

// asPasted reads PEM blocks or known_hosts lines, however they were pasted.
func asPasted[T ~string | ~[]byte](field *T, checks ...check) reader {
	return func(text string) error {
		value := sshkey.Text(text)
		*field = T(value)
		return runChecks(value, checks)
	}
}

// asChoice reads one of a few words. Case does not matter.
func asChoice[T ~string](field *T, words ...T) reader {
	return func(raw string) error {
		value := T(strings.ToLower(strings.TrimSpace(raw)))
		*field = value
		if slices.Contains(words, value) {
			return nil
		}
		return fmt.Errorf("%s is not one of %s", text.Quote(raw), joinWords(words))
	}
}

// asList reads a list and looks at each of its values.
func asList(field *[]string, checks ...check) reader {
	return func(text string) error {
		values, err := readList(text)
		if err != nil {
			return err
		}
		*field = values
		var problems []error
		for _, value := range values {
			problems = append(problems, runChecks(value, checks))
		}
		return errors.Join(problems...)
	}
}

// asCommand reads the arguments of a command into a list.
func asCommand(field *[]string, checks ...func([]string) error) reader {
	return func(text string) error {
		words, err := argv.Read(text)
		if err != nil {
			return err
		}
		*field = words
		var problems []error
		for _, c := range checks {
			problems = append(problems, c(words))
		}
		return errors.Join(problems...)
	}
}

// asTypeMap reads a map from the name of a safe type to a list.
func asTypeMap(field *map[string][]string, checks ...check) reader {
	return func(text string) error {
		values, err := readTypeMap(text)
		*field = values
		problems := []error{err}
		for _, name := range safeTypes {
			for _, value := range values[name] {
				problems = append(problems, runChecks(value, checks))
			}
		}
		return errors.Join(problems...)
	}
}

// asDuration reads a Go duration.
func asDuration(field *time.Duration, zeroAllowed bool) reader {
	return func(text string) error {
		value, err := readDuration(text)
		if err != nil {
			return err
		}
		*field = value
		if value == 0 && !zeroAllowed {
			return errors.New("must be more than zero, such as 90s or 30m")
		}
		return nil
	}
}

// asCount reads a whole number of at least least.
func asCount(field *int, least int) reader {
	return func(raw string) error {
		value, err := strconv.Atoi(strings.TrimSpace(raw))
		if err != nil {
			return fault.WithFix(fmt.Errorf("%s is not a whole number", text.Quote(raw)), "write digits only, such as 5")
		}
		if value < least {
			return fault.WithFix(fmt.Errorf("%d is too small", value), "write %d or more", least)
		}
		*field = value
		return nil
	}
}

// decimal keeps out what strconv.ParseFloat also takes: NaN, Inf, exponents and
// hexadecimal numbers.
var decimal = pattern.Lazy(`^-?\d+(\.\d+)?$`)

// asMoney reads an amount of US dollars that is not negative.
func asMoney(field *float64) reader {
	return func(raw string) error {
		value, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
		if err != nil || !decimal().MatchString(strings.TrimSpace(raw)) {
			return fault.WithFix(fmt.Errorf("%s is not an amount", text.Quote(raw)), "write US dollars as a plain number, such as 2.50")
		}
		if value < 0 {
			return fault.WithFix(fmt.Errorf("%s is negative", strings.TrimSpace(raw)), "write 0 or more")
		}
		*field = value
		return nil
	}
}

// readList reads a list as Woodpecker hands it on: joined by commas when the
// values are plain, or a JSON array when one of them came from a secret.
// Newlines separate too, for lists written as a block of lines.
func readList(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "[") {
		values, err := readJSONList(text)
		if err == nil {
			return values, nil
		}
		// A glob may start with a bracket as well; a quoted string right
		// after it means that JSON was intended.
		if strings.HasPrefix(strings.TrimSpace(text[1:]), `"`) {
			return nil, err
		}
	}
	return trimmed(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' })), nil
}

// readJSONList reads a JSON array of strings, numbers and booleans.
func readJSONList(text string) ([]string, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // 007 and 1.50 stay as they were written
	var raw []any
	if err := decoder.Decode(&raw); err != nil || decoder.More() {
		return nil, fault.WithFix(errors.New("starts like a JSON array but is not one"), "write [\"a\", \"b\"] or a,b")
	}
	values := make([]string, 0, len(raw))
	for _, one := range raw {
		switch value := one.(type) {
		case string:
			values = append(values, value)
		case json.Number, bool:
			values = append(values, fmt.Sprint(value))
		default:
			return nil, fault.WithFix(errors.New("holds a value that is no text"), "a list takes plain values only")
		}
	}
	return trimmed(values), nil
}

// trimmed is values without the space around them and without empty ones.
func trimmed(values []string) []string {
	var kept []string
	for _, value := range values {
		if value = strings.TrimSpace(value); value != "" {
			kept = append(kept, value)
		}
	}
	return kept
}

// readTypeMap reads a JSON object from types to lists.
func readTypeMap(content string) (map[string][]string, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(content), &raw); err != nil || raw == nil {
		return nil, errors.New(`is not a map; write one entry per type in YAML, or JSON such as {"Alert": "stacks/monitoring/**"}`)
	}
	values := make(map[string][]string, len(raw))
	var problems []error
	for key, one := range raw {
		name, ok := canonicalType(key)
		if !ok {
			problems = append(problems, fmt.Errorf("%s is not one of %s", text.Quote(key), joinWords(safeTypes)))
			continue
		}
		var text string
		if json.Unmarshal(one, &text) != nil {
			text = string(one)
			if !strings.HasPrefix(text, "[") {
				problems = append(problems, fmt.Errorf("%s must be a text or a list of texts", name))
				continue
			}
		}
		list, err := readList(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		values[name] = append(values[name], list...)
	}
	// Maps have no order, messages should.
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return values, errors.Join(problems...)
}

// bareNumber is a duration whose unit was forgotten.
var bareNumber = pattern.Lazy(`^[+-]?\d+(\.\d+)?$`)

// readDuration reads a Go duration that is not negative.
func readDuration(raw string) (time.Duration, error) {
	raw = strings.TrimSpace(raw)
	if bareNumber().MatchString(raw) {
		return 0, fault.WithFix(fmt.Errorf("%s has no unit", raw), "write %ss, %sm or %sh", raw, raw, raw)
	}
	value, err := time.ParseDuration(raw)
	if err != nil {
		return 0, fault.WithFix(fmt.Errorf("%s is not a duration", text.Quote(raw)), "write one such as 90s, 30m or 1h30m")
	}
	if value < 0 {
		return 0, fault.WithFix(fmt.Errorf("%s is negative", raw), "write a duration such as 30m")
	}
	return value, nil
}

func runChecks(value string, checks []check) error {
	for _, c := range checks {
		if err := c(value); err != nil {
			return err
		}
	}
	return nil
}

// joinWords lists words for a message: a, b or c.
func joinWords[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = string(word)
	}
	if len(texts) < 2 {
		return strings.Join(texts, "")
	}
	return strings.Join(texts[:len(texts)-1], ", ") + " or " + texts[len(texts)-1]
}

// oneLine refuses control characters: no setting of one line needs them, and
// they end up in logs, commits and command lines.
func oneLine(value string) error {
	if !text.OneLine(value) {
		return fault.WithFix(fmt.Errorf("%s holds a line break, a control character or an invisible one", text.Quote(value)), "write it on one line")
	}
	return nil
}

// secretLine is oneLine without showing the value.
func secretLine(value string) error {
	if !text.OneLine(value) {
		return fault.WithFix(errors.New("holds a line break, a control character or an invisible one"), "store the secret as one line")
	}
	return nil
}
