package journal

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// nothingWaits begins the message of the commit that stands in a journal ref where
// the remote lets nobody delete refs.
const nothingWaits = "settled: nothing waits here any more"

// List is the journals on the remote, fix commits by ref name. Refs that
// could only be overwritten when they were settled are none. Their commits are
// in the clone then, whenever they came.
func List(ctx context.Context, repo seam.Remote) (map[string]string, error) {
	refs, err := repo.FetchRefs(ctx, record.JournalPrefix)
	if err != nil {
		return nil, err
	}
	return waiting(repo, refs), nil
}

// Seen are the journals that stood on the remote when the branch was
// last fetched. The remote is not asked.
func Seen(repo seam.Remote) map[string]string { return Standing(repo, record.JournalPrefix) }

// Standing are the refs with a prefix, as of the last fetch, in which something
// waits: without those that could only be overwritten when they were cleared.
func Standing(repo seam.Remote, prefix string) map[string]string {
	return waiting(repo, repo.Seen(prefix))
}

// waiting are those among refs in which something waits.
func waiting(repo seam.Remote, refs map[string]string) map[string]string {
	maps.DeleteFunc(refs, func(_, hash string) bool {
		commit, err := repo.Lookup(hash)
		return err == nil && strings.HasPrefix(commit.Message, nothingWaits)
	})
	return refs
}

// Clear deletes the ref of a name that holds a commit. A remote that lets nobody
// delete refs takes a commit instead that says so.
func Clear(ctx context.Context, repo seam.Remote, name, fix string) error {
	err := repo.SetRef(ctx, name, fix, "")
	if !errors.Is(err, gitrepo.ErrPushRefused) {
		return err
	}
	commit, lookupErr := repo.Lookup(fix)
	if lookupErr != nil {
		return errors.Join(err, lookupErr)
	}
	settled, commitErr := repo.Commit(fix, commit.Tree, nothingWaits+" [ci skip]\n")
	if commitErr != nil {
		return errors.Join(err, commitErr)
	}
	return repo.SetRef(ctx, name, fix, settled)
}

// Reserve is Write where the remote shows by the same push that it takes ours to the
// branch; shown is false where it has to be asked by itself.
func Reserve(ctx context.Context, repo seam.Remote, ref record.Ref, previous, fix string) (shown bool, err error) {
	err = repo.Reserve(ctx, record.JournalRef(ref), previous, fix)
	if errors.Is(err, gitrepo.ErrPushRefused) || errors.Is(err, gitrepo.ErrRefMoved) {
		return false, Write(ctx, repo, ref, previous, fix)
	}
	return err == nil, err
}

// Write puts a fix into the journal of its item, in place of a former one of the
// same attempt, or of what was left where refs cannot be deleted.
func Write(ctx context.Context, repo seam.Remote, ref record.Ref, previous, fix string) error {
	name := record.JournalRef(ref)
	err := repo.SetRef(ctx, name, previous, fix)
	if previous != "" || !errors.Is(err, gitrepo.ErrRefMoved) {
		return err
	}
	refs, listErr := repo.FetchRefs(ctx, name)
	if listErr != nil {
		return listErr
	}
	if commit, lookupErr := repo.Lookup(refs[name]); lookupErr != nil || !strings.HasPrefix(commit.Message, nothingWaits) {
		return err
	}
	return repo.SetRef(ctx, name, refs[name], fix)
}

// ApplyID names one apply in its run directory: the item's, by the plan that
// was judged. A new plan of the same item is another apply.
func ApplyID(ref record.Ref, planHash string) string {
	return strings.TrimPrefix(record.JournalRef(ref), record.JournalPrefix)[:16] + "-" + planHash[:min(16, len(planHash))]
}
