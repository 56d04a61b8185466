package words

// Class is what words are used for.
type Class uint8

// The classes, in the order of the tables, where their names stand and what they
// are for.
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
	Nothing
	NothingBegins
	FillIn
	Joins
	Aims
	Definite
	Destroys
	Mild
	Loses
	Events
	Programs
	Commands
	Runs
	Told
	Quiets
	Acts
	Doers
	Thresholds
	GoodRatios
	Risks
	Harmless
	Everybody
	RisksInNames
	Frees
	Kept
	KeepsMore
	Lessens
	Sizes
	Off
	Zero
	Secrets
	Adds
	Changes
	Sets
	Structure
	Settings
	SettingsNamed
	AboutAlerts
	AboutMonitors
	AboutSettings
	AboutResources
	AboutRunbooks
	AboutOtherWork
	AboutOtherThings
	AboutSoftware
	Boundless
	Watching
	PhrasesAnAlert
	Conditions
	Bounds
	EndsAThing
	LeadsToMigration
	LeadsToInvestigation
	LeadsToARunbook
	LeadsToArchitecture
	People
	LeadsForPeople
	Watches
	Doubts
	Hedges
	OpenEnds
	HedgesInFront
	Vague
	Outcomes
	Adjusts
	Holds
	HoldsConfiguration
	ByHand
	Decides
	Undecided
	Negates
	Settles
	DestroysAnywhere
	ChangesAnywhere
	classes
)

// inSentences is the first of the classes whose words are looked for in sentences;
// those before it are the whole of a heading or a cell.
const inSentences = Joins

var classOf = map[string]Class{
	"status open": StatusOpen, "status approved": StatusApproved, "status done": StatusDone, "status in progress": StatusInProgress,
	"status held": StatusHeld, "status declined": StatusDeclined, "status remains": StatusRemains, "heading follow-ups": HeadingFollowUps,
	"heading measures": HeadingMeasures, "heading no items": HeadingNoItems, "heading aspects": HeadingAspects,
	"heading qualifiers": HeadingQualifiers, "heading tails": HeadingTails, "heading done": HeadingDone, "heading people": HeadingPeople,
	"heading not yet": HeadingNotYet, "column action": ColumnAction, "column item": ColumnItem, "column anything": ColumnAnything,
	"column status": ColumnStatus, "column state": ColumnState, "column priority": ColumnPriority, "column severity": ColumnSeverity,
	"column type": ColumnType, "column kind": ColumnKind, "column owner": ColumnOwner, "column due": ColumnDue, "column ticket": ColumnTicket,
	"column details": ColumnDetails, "column notes": ColumnNotes, "column id": ColumnID, "column date": ColumnDate,
	"column commit": ColumnCommit, "column by": ColumnBy, "label owner": LabelOwner, "label due": LabelDue, "label field": LabelField,
	"type alert": TypeAlert, "type config": TypeConfig, "type monitor": TypeMonitor, "type architecture": TypeArchitecture,
	"type investigation": TypeInvestigation, "type migration": TypeMigration, "type runbook": TypeRunbook, "type upstream": TypeUpstream,
	"type none": TypeNone, "priority p0": PriorityP0, "priority p1": PriorityP1, "priority p2": PriorityP2, "priority p3": PriorityP3,
	"nothing": Nothing, "nothing begins": NothingBegins, "fill in": FillIn, "joins": Joins, "aims": Aims, "definite": Definite,
	"destroys": Destroys, "mild": Mild, "loses": Loses, "events": Events, "programs": Programs, "commands": Commands, "runs": Runs,
	"told": Told, "quiets": Quiets, "acts": Acts, "doers": Doers, "thresholds": Thresholds, "good ratios": GoodRatios, "risks": Risks,
	"harmless": Harmless, "everybody": Everybody, "risks in names": RisksInNames, "frees": Frees, "kept": Kept, "keeps more": KeepsMore,
	"lessens": Lessens, "sizes": Sizes, "off": Off, "zero": Zero, "secrets": Secrets, "adds": Adds, "changes": Changes, "sets": Sets,
	"structure": Structure, "settings": Settings, "settings named": SettingsNamed, "about alerts": AboutAlerts, "about monitors": AboutMonitors,
	"about settings": AboutSettings, "about resources": AboutResources, "about runbooks": AboutRunbooks, "about other work": AboutOtherWork,
	"about other things": AboutOtherThings, "about software": AboutSoftware, "boundless": Boundless, "watching": Watching,
	"phrases an alert": PhrasesAnAlert, "conditions": Conditions, "bounds": Bounds, "ends a thing": EndsAThing,
	"leads to migration": LeadsToMigration, "leads to investigation": LeadsToInvestigation, "leads to a runbook": LeadsToARunbook,
	"leads to architecture": LeadsToArchitecture, "people": People, "leads for people": LeadsForPeople, "watches": Watches, "doubts": Doubts,
	"hedges": Hedges, "open ends": OpenEnds, "hedges in front": HedgesInFront, "vague": Vague, "outcomes": Outcomes, "adjusts": Adjusts,
	"holds": Holds, "holds configuration": HoldsConfiguration, "by hand": ByHand, "decides": Decides, "undecided": Undecided,
	"negates": Negates, "settles": Settles, "destroys anywhere": DestroysAnywhere, "changes anywhere": ChangesAnywhere,
}
