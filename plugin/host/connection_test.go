package host

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
)

func TestFrozenServerIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	w := sshWorld(t)
	w.freeze()
	if _, err := w.OpenRun(t.Context(), "", "r", nil); !errors.Is(err, script.ErrLost) || fault.Of(err) != fault.Temporary {
		t.Errorf("got %v", err)
	}
}

func TestContextEndsAnyCallOnAFrozenServer(t *testing.T) {
	t.Parallel()
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, client.PublicKey(), hostKey)
	p := openProxy(t, server.address)
	target, _ := sshclient.ParseTarget("tester@" + p.address)
	h, err := Dial(t.Context(), sshclient.Login{Target: target, Key: secretOf(key), KnownHosts: knownHosts(p.address, hostKey.PublicKey()), KeepAlive: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	p.freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := h.OpenRun(ctx, "", "r", nil); !errors.Is(err, context.DeadlineExceeded) || fault.Of(err) != fault.Temporary {
		t.Errorf("got %v", err)
	}
}

func TestMoreRoundTripsThanTheServerHasSessions(t *testing.T) {
	t.Parallel()
	d := startSSHD(t, "MaxSessions 2")
	s := sshclient.Login{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())}
	skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
	h, err := Dial(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	h.shell.Root = t.TempDir()
	for i := range 6 {
		if _, err := h.Preflight(t.Context(), Need{}); err != nil {
			t.Fatalf("round trip %d: %v", i+1, err)
		}
	}
}

func TestServerTellsHowManySessionsItGives(t *testing.T) {
	t.Parallel()
	d := startSSHD(t, "MaxSessions 4")
	for most, want := range map[int]int{3: 3, 9: 4} {
		h, err := Dial(t.Context(), sshclient.Login{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())})
		if err != nil {
			t.Fatal(err)
		}
		if room, err := h.room(t.Context(), most); err != nil || room != want {
			t.Errorf("of %d sessions %d, %v", most, room, err)
		}
		_ = h.Close()
	}
}
