package postmortem

// Reason says why an item is not acted on without a person.
type Reason string

// The reasons, in the order in which the first that applies is told.
const (
	MalformedRow    Reason = "malformed-row"
	TooComplex      Reason = "too-complex"
	Invisible       Reason = "invisible-characters"
	LFSPointer      Reason = "lfs-pointer"
	TooLong         Reason = "too-long"
	Placeholder     Reason = "placeholder"
	InsideDetails   Reason = "inside-details"
	StatusUnknown   Reason = "status-unknown"
	Implicit        Reason = "implicit"
	InProgress      Reason = "in-progress"
	PartlyDone      Reason = "partly-done"
	StatusWithNote  Reason = "status-with-note"
	TypeUnknown     Reason = "type-unknown"
	TypeNotSafe     Reason = "type-not-safe"
	TypeInferred    Reason = "type-inferred"
	Duplicate       Reason = "duplicate"
	Overtaken       Reason = "overtaken"
	ProtectedTarget Reason = "protected-target"
	DestructiveVerb Reason = "destructive-verb"
	Hedged          Reason = "hedged"
	OutsideScope    Reason = "outside-scope"
)

type wording struct {
	reason   Reason
	sentence string
	fix      string
}

var wordings = []wording{
	{
		MalformedRow,
		"The row does not have as many cells as the table's header, so no cell of it can be trusted.",
		`Give the row one cell per column; write a literal pipe as \|, in code spans too.`,
	},
	{
		TooComplex,
		"The place is too large or too deeply nested to be read: over 64 columns, 16 levels, a line over 64 KiB, or very many tiny items or lists.",
		"Split the table, flatten the list or shorten the line.",
	},
	{
		Invisible,
		"The item holds invisible, control or invalid characters, so a person reads something else than a program.",
		"Type the line again without zero-width, bidirectional or control characters, and save the document as UTF-8.",
	},
	{
		LFSPointer,
		"The document is a pointer of Git LFS: its text is not in the repository, and this program fetches nothing from elsewhere.",
		"Take documents out of LFS: git lfs untrack 'docs/post-mortems/*.md', then git add --renormalize and a commit.",
	},
	{
		TooLong,
		"The action is over 500 bytes or the details are over 4 KiB.",
		"Shorten the action to one sentence, and move the rest to the text of the document.",
	},
	{
		Placeholder,
		"The action still holds a placeholder of a template.",
		"Replace the placeholder by the real name, or put it in a code span if it is meant literally.",
	},
	{
		InsideDetails,
		"The item stands inside a collapsed <details> section.",
		"Move it out of the <details> section.",
	},
	{
		StatusUnknown,
		"The status is empty or is no known word.",
		"Write TODO or Done into the status cell, [ ] or [x] before a task.",
	},
	{
		Implicit,
		"Nothing states that the item is open: it is a plain bullet, a row of a table without a Status column, or stands where follow-ups are not expected.",
		"Make it a row with the status TODO in a table Priority | Action | Type | Details | Status under a heading Action Items.",
	},
	{
		InProgress,
		"Somebody is at work on it already.",
		"Set the status to TODO when nobody is, to Done when it is finished.",
	},
	{
		PartlyDone,
		"It is done in part, and only a person knows which part remains.",
		"Set the row to Done, and write what remains as a row of its own with the status TODO.",
	},
	{
		StatusWithNote,
		"The status says more than that the item is open.",
		"Leave only TODO in the status, and move the note to the details.",
	},
	{
		TypeUnknown,
		"The item states no type that is known, and none can be inferred with confidence.",
		"State the type Alert, Config or Monitor in a Type column, if it is one.",
	},
	{
		TypeNotSafe,
		"Work of this type needs a person.",
		"Implement it by hand, or split off the part that is an Alert, Config or Monitor as a row of its own.",
	},
	{
		TypeInferred,
		"The type is not stated but inferred from the action, and the settings do not let inferred types be acted on here.",
		"State the type: in a Type column, or as [Alert] before the action of a task.",
	},
	{
		Duplicate,
		"The same action stands in the document already, or is done.",
		"Remove one of the two, or say how they differ.",
	},
	{
		Overtaken,
		"Another place of the document says that the item is settled, declined or superseded.",
		"Set its status to what is true now, or remove the statement.",
	},
	{
		ProtectedTarget,
		"It changes the configuration of a protected stack.",
		"Implement it by hand; the setting protected lists these stacks.",
	},
	{
		DestructiveVerb,
		"It deletes, moves, restarts, upgrades, runs or disables something, keeps less of it than before, loosens protection, or is about a secret.",
		"Implement it by hand, or split off the part that only adds something.",
	},
	{
		Hedged,
		"It leaves something open: it weighs options, asks, waits for somebody, or groups other items.",
		"Write what exactly is to be done, as one decided step.",
	},
	{
		OutsideScope,
		"It names a file outside the paths that may be changed.",
		"Implement it by hand; the setting allow_paths lists the paths.",
	},
}

// Sentence explains the reason to the author of the document.
func (r Reason) Sentence() string { return r.wording().sentence }

// Fix says what the author can do about it.
func (r Reason) Fix() string { return r.wording().fix }

// Reasons lists all reasons in the order in which they are told.
func Reasons() []Reason {
	all := make([]Reason, len(wordings))
	for i, w := range wordings {
		all[i] = w.reason
	}
	return all
}

func (r Reason) wording() wording {
	for _, w := range wordings {
		if w.reason == r {
			return w
		}
	}
	return wording{}
}
