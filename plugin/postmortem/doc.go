// Package postmortem reads the follow-up items of post-mortem documents,
// decides which of them may be implemented without a person, and writes the
// outcome back.
//
// It is pure: bytes in, values out; no files, no network, no clock. What
// depends on settings arrives as a Policy. Every function is total: any bytes
// of any size are read in time linear in their number.
//
// The way of a document: blocks.go turns bytes into Markdown blocks, reader.go
// walks these and collects items from tables (table.go) and task lists
// (task.go), classify.go gives each item its reasons, edit.go and followup.go
// splice the outcome into the bytes.
package postmortem
