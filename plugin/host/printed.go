package host

import (
	"context"
	"strconv"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// printedMost is how much of an output Printed takes in one look.
const printedMost = 4 << 20

// Printed is what the program that Supervise stays with printed on standard output
// since an offset, as far as it is there: for who wants to know before it ends.
// It says nothing that counts.
func (w *Workspace) Printed(ctx context.Context, from int64) ([]byte, error) {
	a, err := w.run.host.do(ctx, script.Job{
		Doing: "looking at what runs", Files: []string{"printed"}, Timeout: 10 * time.Second, Grace: time.Second,
		Limits: map[string]int64{"printed": printedMost},
		Variables: script.Variables{
			"ws": w.dir, "from": strconv.FormatInt(from, 10), "most": strconv.Itoa(printedMost),
		},
	})
	if err != nil {
		return nil, err
	}
	return a.Block("printed"), nil
}
