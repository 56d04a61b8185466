package stack

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Verify runs the owner's own check of a stack's folder, with the item as JSON on its
// stdin. What it says is a *Refusal; that it could not be asked now is none.
func Verify(ctx context.Context, space seam.Checkout, todo item.Item, folder string) error {
	input, err := todo.ForCheck(folder)
	if err != nil {
		return err
	}
	exit, err := space.Verify(ctx, input)
	switch {
	case err != nil && (fault.Of(err) == fault.Temporary || errors.Is(err, host.ErrAltered)):
		return fmt.Errorf("run verify_command: %w", err)
	case err != nil:
		err = fmt.Errorf("run verify_command: %w", err)
	case !exit.OK():
		err = fmt.Errorf("verify_command ended with exit code %d: %s", exit.Code, host.CleanText(string(exit.Stdout)+string(exit.Stderr)))
	default:
		return nil
	}
	return &Refusal{State: item.Failed, Reason: reason.VerifyFailed, Err: err}
}
