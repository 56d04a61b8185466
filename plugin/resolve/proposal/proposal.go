// Package proposal is the work that waits for a person on a branch: how its
// branches are called, which proposals are open, and which of them the branch
// holds by now.
package proposal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Branches that this program makes beside the one it publishes to.
const (
	Branches      = "pm-todos/" // every one of them
	Prefix        = Branches + "propose/"
	refusedPrefix = Branches + "refused/"
)

var unsafeInRef = pattern.Lazy(`[^a-z0-9]+`)

// documentSlug names a document in a branch: readable, legal in a ref, and
// never the same for two documents.
func documentSlug(document string) string {
	base := strings.TrimSuffix(path.Base(document), path.Ext(document))
	slug := strings.Trim(unsafeInRef().ReplaceAllString(strings.ToLower(base), "-"), "-")
	if len(slug) > 60 {
		slug = strings.Trim(slug[:60], "-")
	}
	sum := sha256.Sum256([]byte(document))
	return strings.TrimPrefix(slug+"-"+hex.EncodeToString(sum[:4]), "-")
}

// Branch is the branch on which the fix of an item waits for a person.
func Branch(ref record.Ref) string { return Prefix + slug(ref) }

// RefusedBranch is the branch that keeps work which the plan gate refused.
func RefusedBranch(ref record.Ref) string { return refusedPrefix + slug(ref) }

func slug(ref record.Ref) string {
	return documentSlug(ref.Document) + "/" + unsafeInRef().ReplaceAllString(strings.ToLower(ref.Item), "-")
}

// Trial puts a commit that is made as fixes are on a branch of its own, and
// takes it away again: whatever the remote demands of all commits and branches
// refuses it. What it demands of one branch alone is not met so.
func Trial(ctx context.Context, repo seam.Remote, run string) (err error) {
	tip, err := repo.Lookup(repo.Tip())
	if err != nil {
		return fmt.Errorf("read the branch's tip: %w", err)
	}
	item := item.Item{Document: "trial", ID: "trial", Action: "Try whether commits are taken; this one is taken away again"}
	trial, err := repo.Commit(tip.Hash, tip.Tree, record.Message(item, time.Now().UTC().Format(time.DateOnly), record.Evidence{}, true))
	if err != nil {
		return fmt.Errorf("make a commit to try: %w", err)
	}
	name := heads + Prefix + "trial-" + run
	err = repo.SetRef(ctx, name, "", trial)
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), seam.CleanupTime)
	defer cancel()
	// Also after an error: the remote may have taken it all the same.
	if left := repo.SetRef(cleanup, name, trial, ""); left != nil && err == nil {
		err = fmt.Errorf("take the branch of the trial away again: %w", left)
	}
	return err
}
