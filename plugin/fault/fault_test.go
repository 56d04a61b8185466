package fault_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

func TestOf(t *testing.T) {
	plain := errors.New("plain")
	for name, test := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil":                {nil, fault.None},
		"unmarked":           {plain, fault.Failed},
		"marked":             {fault.Mark(fault.Temporary, plain), fault.Temporary},
		"wrapped":            {fmt.Errorf("around: %w", fault.Mark(fault.Person, plain)), fault.Person},
		"outermost wins":     {fault.Mark(fault.Failed, fmt.Errorf("x: %w", fault.Mark(fault.Temporary, plain))), fault.Failed},
		"worst of joined":    {errors.Join(fault.Mark(fault.Temporary, plain), fault.Mark(fault.Person, plain), plain), fault.Person},
		"wrapped joined":     {fmt.Errorf("x: %w", errors.Join(fault.Mark(fault.Temporary, plain))), fault.Temporary},
		"two in one message": {fmt.Errorf("%w and %w", fault.Mark(fault.Temporary, plain), fault.Mark(fault.Settings, plain)), fault.Settings},
		"mark around joined": {fault.Mark(fault.Temporary, errors.Join(plain, plain)), fault.Temporary},
		"no space here":      {fmt.Errorf("write x: %w", syscall.ENOSPC), fault.Temporary},
		"no process here":    {fault.Mark(fault.Settings, &os.PathError{Op: "fork/exec", Path: "/bin/sh", Err: syscall.EAGAIN}), fault.Temporary},
		"no memory here":     {fault.Mark(fault.Failed, fmt.Errorf("start: %w", syscall.ENOMEM)), fault.Temporary},
		"no space, applied":  {fault.Mark(fault.Person, syscall.ENOSPC), fault.Person},
		"no right":           {fault.Mark(fault.Settings, syscall.EACCES), fault.Settings},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.Of(test.err); got != test.want {
				t.Errorf("Of = %v, want %v", got, test.want)
			}
		})
	}
	if !errors.Is(fault.Mark(fault.Person, plain), plain) {
		t.Error("Mark hides the error it marks")
	}
	if fault.Mark(fault.Person, nil) != nil {
		t.Error("Mark makes an error of nil")
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[fault.Kind]int{
		fault.None: 0, fault.Failed: 1, fault.Settings: 2, fault.Person: 3, fault.Temporary: 75,
	} {
		if got := kind.ExitCode(); got != want {
			t.Errorf("%v exits %d, want %d", kind, got, want)
		}
		if kind.String() == "" {
			t.Errorf("kind %d has no word", kind)
		}
	}
}
