package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// exportTimeout bounds the work that an agent's leavings can cause.
const exportTimeout = 5 * time.Minute

// Export is the agent's work tree as git objects: the hash of its tree, and a
// pack with those of its objects that the base lacks, which may be no object.
// Nothing of the agent's is trusted: its .git folders, attributes, filters and
// configuration are without effect, ignored files are not taken. More than
// maxBytes is ErrTooLarge. The objects must still be checked by who takes them.
func (w *Workspace) Export(ctx context.Context, maxBytes int64) (tree string, pack []byte, err error) {
	doing := "exporting the workspace " + w.name
	if w.kind != AgentTree {
		return "", nil, fmt.Errorf("%s: %w", doing, errors.New("only an agent's work tree can be exported"))
	}
	h := w.run.host
	a, err := h.do(ctx, job{
		doing: doing, files: []string{"git", "export"}, timeout: exportTimeout,
		limits: map[string]int64{"pack": maxBytes},
		variables: []variable{
			{"run", w.run.dir}, {"ws", w.dir}, {"commit", w.commit}, {"most", strconv.FormatInt(maxBytes, 10)},
		},
	})
	if err != nil {
		return "", nil, err
	}
	tree, pack = a.get("tree"), a.block("pack")
	if !hashPattern().MatchString(tree) || !bytes.HasPrefix(pack, []byte("PACK")) {
		return "", nil, fmt.Errorf("%s on %s: %w: no tree and pack in it", doing, h.name, ErrAnswer)
	}
	return tree, pack, nil
}
