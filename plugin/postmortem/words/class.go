package words

// Class is what words are used for.
type Class uint8

// The classes, in the order of the tables. Their names there stand below.
const (
	StatusOpen Class = iota
	StatusApproved
	StatusDone
	StatusInProgress
	StatusHeld
	StatusDeclined
	StatusRemains
	HeadingFollowUps
	HeadingMeasures
	HeadingNoItems
	HeadingAspects
	HeadingQualifiers
	HeadingTails
	HeadingDone
	HeadingPeople
	HeadingNotYet
	ColumnAction
	ColumnItem
	ColumnAnything
	ColumnStatus
	ColumnState
	ColumnPriority
	ColumnSeverity
	ColumnType
	ColumnKind
	ColumnOwner
	ColumnDue
	ColumnTicket
	ColumnDetails
	ColumnNotes
	ColumnID
	ColumnDate
	ColumnCommit
	ColumnBy
	LabelOwner
	LabelDue
	LabelField
	TypeAlert
	TypeConfig
	TypeMonitor
	TypeArchitecture
	TypeInvestigation
	TypeMigration
	TypeRunbook
	TypeUpstream
	TypeNone
	PriorityP0
	PriorityP1
	PriorityP2
	PriorityP3
	classes
)

var classOf = map[string]Class{
	"status open": StatusOpen, "status approved": StatusApproved, "status done": StatusDone, "status in progress": StatusInProgress,
	"status held": StatusHeld, "status declined": StatusDeclined, "status remains": StatusRemains,
	"heading follow-ups": HeadingFollowUps, "heading measures": HeadingMeasures, "heading no items": HeadingNoItems,
	"heading aspects": HeadingAspects, "heading qualifiers": HeadingQualifiers, "heading tails": HeadingTails,
	"heading done": HeadingDone, "heading people": HeadingPeople, "heading not yet": HeadingNotYet,
	"column action": ColumnAction, "column item": ColumnItem, "column anything": ColumnAnything, "column status": ColumnStatus,
	"column state": ColumnState, "column priority": ColumnPriority, "column severity": ColumnSeverity, "column type": ColumnType,
	"column kind": ColumnKind, "column owner": ColumnOwner, "column due": ColumnDue, "column ticket": ColumnTicket,
	"column details": ColumnDetails, "column notes": ColumnNotes, "column id": ColumnID, "column date": ColumnDate,
	"column commit": ColumnCommit, "column by": ColumnBy,
	"label owner": LabelOwner, "label due": LabelDue, "label field": LabelField,
	"type alert": TypeAlert, "type config": TypeConfig, "type monitor": TypeMonitor, "type architecture": TypeArchitecture,
	"type investigation": TypeInvestigation, "type migration": TypeMigration, "type runbook": TypeRunbook,
	"type upstream": TypeUpstream, "type none": TypeNone,
	"priority p0": PriorityP0, "priority p1": PriorityP1, "priority p2": PriorityP2, "priority p3": PriorityP3,
}
