package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// filteredStore lacks all that the repository of ordinaryStore has, and a source
// that sends it.
func filteredStore(t *testing.T, change func(*Source)) (s *Store, blob plumbing.Hash) {
	t.Helper()
	_, repo := ordinaryStore(t)
	s = emptyStore(t)
	send := func(ctx context.Context, list string, b pack.Bounds) error {
		data, err := gittest.Input(repo, []byte(list), "pack-objects", "--stdout", "-q")
		if err == nil {
			_, err = s.AddPack(ctx, bytes.NewReader(data), b)
		}
		return err
	}
	from := Source{
		Life: t.Context(), Room: func() int64 { return 1 << 20 }, Tell: func(string, ...any) {},
		Ask: func(ctx context.Context, plan wire.Plan, b pack.Bounds) error {
			var list strings.Builder
			for _, h := range plan.Wants {
				fmt.Fprintln(&list, h)
			}
			return send(ctx, list.String(), b)
		},
		All: func(ctx context.Context) error {
			return send(ctx, gittest.Git(t, repo, "rev-list", "--objects", "--no-object-names", "--all")+"\n", pack.Bounds{})
		},
	}
	change(&from)
	s.FetchFrom(from)
	s.SetFiltered(true)
	return s, plumbing.NewHash(gittest.Git(t, repo, "rev-parse", "master:a"))
}

func TestFiltered_RequestsWithoutEndMakeAnOrdinaryStore(t *testing.T) {
	t.Parallel()
	var why string
	s, blob := filteredStore(t, func(from *Source) {
		from.Tell = func(format string, args ...any) { why = fmt.Sprintf(format, args...) }
	})
	s.lazy.asks = maxAsks
	if got, err := s.File(blob); string(got) != "1" {
		t.Errorf("content %q, %v", got, err)
	}
	if s.Filtered() || !strings.Contains(why, "requests were not enough") {
		t.Errorf("filtered %v, %q", s.Filtered(), why)
	}
}

func TestThreat7_WhatComesOnDemandIsBounded(t *testing.T) {
	t.Parallel()
	for _, room := range []int64{0, 20} {
		s, blob := filteredStore(t, func(from *Source) { from.Room = func() int64 { return room } })
		if _, err := s.File(blob); !errors.Is(err, errTooMuch) || errors.Is(err, wire.ErrNotFound) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
		s.lazy.from.Room = func() int64 { return 1 << 20 }
		if got, err := s.File(blob); len(got) == 0 || !s.Filtered() {
			t.Errorf("content %q, %v", got, err)
		}
	}
}

func TestFiltered_WhatIsReadAfterTheEndEndsToo(t *testing.T) {
	t.Parallel()
	life, stop := context.WithCancel(t.Context())
	s, blob := filteredStore(t, func(from *Source) {
		from.Life = life
		from.Ask = func(ctx context.Context, _ wire.Plan, _ pack.Bounds) error {
			if deadline, ends := ctx.Deadline(); !ends || time.Until(deadline) > afterTheEnd {
				t.Error("there is no end")
			}
			<-ctx.Done()
			return fault.Mark(fault.Temporary, context.Cause(ctx))
		}
	})
	stop()
	s.lazy.end = time.Now()
	if _, err := s.File(blob); !errors.Is(err, errAfterTheEnd) || fault.Of(err) != fault.Temporary {
		t.Errorf("error %v, kind %v", err, fault.Of(err))
	}
}
