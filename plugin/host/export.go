package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// exportTimeout bounds the work that an agent's leavings can cause.
const exportTimeout = 5 * time.Minute

// Export is the agent's work tree as git objects: the hash of its tree, and a
// pack with those of its objects that the base lacks, which may be no object.
// Nothing of the agent's is trusted: its .git folders, attributes, filters and
// configuration are without effect, ignored files are not taken. ErrAltered when it
// works as the account that plans and changed what that runs or reads. More than
// maxBytes is script.ErrTooLarge. The objects must still be checked by who takes them.
func (w *Workspace) Export(ctx context.Context, maxBytes int64) (tree string, pack []byte, err error) {
	doing := "exporting the workspace " + w.name
	if w.kind != AgentTree {
		return "", nil, fmt.Errorf("%s: %w", doing, errors.New("only an agent's work tree can be exported"))
	}
	h := w.run.host
	a, err := w.do(ctx, script.Job{
		Doing: doing, Files: []string{"export"}, Timeout: exportTimeout,
		Limits: map[string]int64{"pack": maxBytes},
		Variables: script.Variables{
			"run": w.run.dir, "ws": w.dir, "commit": w.commit, "most": strconv.FormatInt(maxBytes, 10),
		},
	})
	if err != nil {
		return "", nil, err
	}
	tree, pack = a.Get("tree"), a.Block("pack")
	if !hashPattern().MatchString(tree) || !bytes.HasPrefix(pack, []byte("PACK")) {
		return "", nil, fmt.Errorf("%s on %s: %w: no tree and pack in it", doing, h.Name(), script.ErrAnswer)
	}
	return tree, pack, nil
}
