// Package record holds what the program writes down in the repository and reads
// again in later runs: the messages of its commits with their evidence, the lines
// of the ledger and what they add up to, and the names of its refs. It is pure:
// reading and writing them is for others.
package record

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// Ref names an item across runs.
type Ref struct {
	Document string `json:"document"`
	Item     string `json:"item"`
}

// RefOf is what names an item across runs.
func RefOf(item item.Item) Ref { return Ref{Document: item.Document, Item: item.ID} }

// LedgerRef is where the ledger lives on the remote: JSON lines in a small
// commit chain of their own, appended to and compacted.
const LedgerRef = "refs/pm-todos/ledger"

// JournalPrefix is where the fix commits live on the remote from before their
// apply until the run that made them is through.
const JournalPrefix = "refs/pm-todos/journal/"

// JournalRef is the journal ref of an item. Its name is a hash, since names
// made of paths collide and can be illegal.
func JournalRef(ref Ref) string {
	sum := sha256.Sum256([]byte(ref.Document + "\x00" + ref.Item))
	return JournalPrefix + hex.EncodeToString(sum[:])
}
