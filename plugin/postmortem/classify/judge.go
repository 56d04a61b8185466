// Package classify holds the rules of language: which items a person has to take,
// told from their words alone, before anything is paid.
package classify

import (
	"math/bits"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Inference says where a type that the author did not state may be acted on.
type Inference int

const (
	// Review never acts on an inferred type.
	Review Inference = iota
	// Tables acts on types inferred for tables without a Type column.
	Tables
	// All acts on inferred Alert and Monitor types of task lists too.
	All
)

// Policy is what the settings say about items. The zero value calls nothing
// safe.
type Policy struct {
	SafeTypes  []term.Type // of Alert, Config, Monitor: those that may be safe; others in the list are ignored
	Inferred   Inference   // where inferred types may be acted on
	Protected  []string    // names that hold back an item of type Config, in any case, also as part of a word
	AllowPaths []string    // doublestar globs of paths that an item may name
}

// Sizes beyond which nobody reads an item as one step.
const (
	maxAction  = 500     // bytes
	maxDetails = 4 << 10 // bytes
)

// Set is a set of reasons; bit n is the n-th reason in the order told.
type Set uint32

// Add puts a reason into the set.
func (m *Set) Add(r reason.Code) { *m |= Bit(r) }

// Has reports whether the reason is in the set.
func (m Set) Has(r reason.Code) bool { return m&Bit(r) != 0 }

// Bit is the reason's own, none for a code that documents do not give rise to.
func Bit(r reason.Code) Set { return 1 << (slices.Index(reason.OfDocuments, r) + 1) >> 1 }

// Reasons lists the set in the order told.
func (m Set) Reasons() []reason.Code {
	if m == 0 {
		return nil
	}
	list := make([]reason.Code, 0, bits.OnesCount32(uint32(m)))
	for i, r := range reason.OfDocuments {
		if m&(1<<i) != 0 {
			list = append(list, r)
		}
	}
	return list
}

// Claim is an open item, as far as its words say what may become of it.
type Claim struct {
	Text                       string // all of it as it stands
	Action, Details            string
	Status, Owner, Due, Ticket string
	Kind                       term.Type // recognised type, stated or inferred
	TypeText                   string
	Typed                      bool // it states a type, or had a column for one
	Inferred                   bool
	Checkbox                   bool
	Found                      Set // reasons why a person is needed
}

// Judge knows the rules of language. It is for one document at a time.
type Judge struct {
	Policy                 Policy
	action, details, other sentence
}

// Read adds every reason that the item itself gives, and the type that its action speaks of.
func (j *Judge) Read(c *Claim) {
	if !text.Legible(c.Text) || hidesText(c) {
		c.Found.Add(reason.InvisibleCharacters)
	}
	if len(c.Action) > maxAction || len(c.Details) > maxDetails {
		c.Found.Add(reason.TooLong)
	}
	if len(c.Action) > maxDetails {
		c.Found.Add(reason.TypeUnknown)
		return // too long for the rules of language to mean anything
	}
	// Letters and their accents may stand apart, or be as wide as Chinese ones.
	c.Action, c.Details = norm.NFKC.String(c.Action), norm.NFKC.String(c.Details)
	if hasPlaceholder(c.Action) || unassigned(c.Owner) || unassigned(c.Due) {
		c.Found.Add(reason.Placeholder)
	}
	if _, found := markdown.Unstruck(c.Text); found {
		c.Found.Add(reason.StruckOut)
	}
	action, details := j.action.read(c.Action), j.details.read(c.Details)
	j.judgeType(c, action, details)
	j.judgeWork(c, action, details)
	if outside(c.Action, j.Policy.AllowPaths) || c.Kind == term.Config && outside(c.Details, j.Policy.AllowPaths) {
		c.Found.Add(reason.OutsideScope)
	}
}

// hidden finds what readers of the rendered page do not see.
var hidden = pattern.Lazy(`(?is)<!--.*?-->|style=| hidden>`)

// hidesText reports whether a cell other than the status holds such text.
func hidesText(c *Claim) bool {
	for _, text := range []string{c.Action, c.Details, c.TypeText} {
		if strings.IndexByte(text, '<') >= 0 && hidden().MatchString(markdown.WithoutCode(text)) {
			return true
		}
	}
	return false
}

// judgeType decides on the type: stated, else inferred where the table has no
// Type column.
func (j *Judge) judgeType(c *Claim, action, details []token) {
	if !c.Typed {
		if kind := inferType(action, j.action.said); kind != "" {
			c.Kind, c.TypeText, c.Inferred = kind, string(kind), true
		}
	}
	switch {
	case c.Kind == "":
		c.Found.Add(reason.TypeUnknown)
	case c.Found.Has(reason.TypeNotSafe):
	case !term.SafeByNature(c.Kind) || !slices.Contains(j.Policy.SafeTypes, c.Kind):
		c.Found.Add(reason.TypeNotSafe)
	case !c.Inferred && c.Kind != term.Config && !watching(c.Action, action) && !watching(c.Details, details):
		c.Found.Add(reason.TypeDoubtful)
	}
	if c.Inferred && !j.actsOnInferred(c) {
		c.Found.Add(reason.TypeInferred)
	}
}

func (j *Judge) actsOnInferred(c *Claim) bool {
	switch {
	case j.Policy.Inferred == Review:
		return false
	case !c.Checkbox:
		return true
	}
	return j.Policy.Inferred == All && c.Kind != term.Config
}

// protected reports whether a text names a protected stack.
func (j *Judge) protected(text string) bool {
	low := words.Fold(text)
	for _, name := range j.Policy.Protected {
		if name != "" && strings.Contains(low, words.Fold(name)) {
			return true
		}
	}
	return false
}
