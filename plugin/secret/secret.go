// Package secret holds values that must never be printed, and the writer that
// takes them out of a stream all the same.
package secret

import "fmt"

// String is a secret text. Whatever prints, formats, marshals or logs it sees
// three stars; only Reveal gives the text away. The zero value is empty.
type String struct{ text string }

const stars = "***"

// New makes a secret of text.
func New(text string) String { return String{text: text} }

// Reveal is the text itself. Call it only where the value is handed to the
// party that it is meant for.
func (s String) Reveal() string { return s.text }

// Empty reports whether there is no text.
func (s String) Empty() bool { return s.text == "" }

// String is "***", or nothing when the secret is empty.
func (s String) String() string {
	if s.text == "" {
		return ""
	}
	return stars
}

// GoString is what %#v prints: the same as String.
func (s String) GoString() string { return `secret.String("` + s.String() + `")` }

// Format covers every verb of package fmt, %x and %q among them.
func (s String) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText covers encoding/json, encoding/xml and every other encoder.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
