// Package postmortem reads the follow-up items of post-mortem documents and
// decides which of them may be implemented without a person.
//
// It is pure, as are the packages below it: bytes in, values out; no files, no
// network, no clock. What depends on settings arrives as a policy. Every function
// is total: any bytes of any size are read in time linear in their number.
//
// The way of a document: package markdown turns bytes into blocks, reader.go walks
// these and collects items from tables (table.go) and task lists (task.go), whose
// labels package term reads; package classify gives each item its reasons,
// classify.go its class, and package edit writes the outcome back.
package postmortem
