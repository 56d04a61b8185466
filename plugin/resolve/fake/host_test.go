package fake

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

const stack = "stacks/a"

// site is a host and a remote, of which each run is a name.
type site struct {
	remote seam.Remote
	open   func(run string) (seam.TerraformHost, error)
	alter  func() // changes what its plans run
}

func fakeSite(t *testing.T) site {
	w := New(t, map[string]string{stack + "/main.tf": "resource \"terraform_data\" \"a\" {\n  input = 1\n}\n"})
	return site{w.Clone("1"), func(run string) (seam.TerraformHost, error) { return w.Machine("one").Open(t.Context(), "", run) }, w.Machine("one").Alter}
}

// realSite is this machine, with a program of which no two plans are the same.
func realSite(t *testing.T) site {
	program := filepath.Join(t.TempDir(), "terraform")
	text := "#!/bin/sh\ncase $1 in\nplan) echo $$ >\"$2\" ;;\nshow) echo '{}' ;;\napply) echo 'a: Creating...' ;;\nesac\n"
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	remote := realPlace(t).clone()
	repo, _ := remote.(*gitrepo.Repo)
	machine := must[*host.Host](t)(host.Local(t.TempDir()))
	commands := host.Commands{Program: program, Plan: []string{"plan", "{plan}"}, Show: []string{"show", "{plan}"}, Apply: []string{"apply", "{plan}"}}
	return site{remote, func(run string) (seam.TerraformHost, error) {
		return onhost.Open(t.Context(), machine, repo, "", run, onhost.Programs{Commands: commands, Pins: &host.Pins{Program: program}})
	}, func() {
		if err := os.WriteFile(program, []byte(text+"id\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}}
}

// visit is a host with a checkout of the branch, and a plan in it.
type visit struct {
	seam.TerraformHost
	t      *testing.T
	site   site
	space  seam.Checkout
	judged string
	ended  host.ApplyStatus // how its apply ends
}

func (s site) visit(t *testing.T, run string) *visit {
	t.Helper()
	v := &visit{TerraformHost: must[seam.TerraformHost](t)(s.open(run)), t: t, site: s}
	v.space = must[seam.Checkout](t)(v.checkout())
	v.judged = v.plan()
	v.ended = host.ApplyStatus{Began: true, Ended: true, Progress: true, Commit: s.remote.Tip(), SHA256: v.judged}
	return v
}

func (v *visit) checkout() (seam.Checkout, error) {
	tip := v.site.remote.Tip()
	pack, err := v.site.remote.Pack(tip)
	if err != nil {
		return nil, err
	}
	return v.Checkout(v.t.Context(), tip, pack)
}

func (v *visit) plan() string {
	v.t.Helper()
	plan, err := v.space.Plan(v.t.Context(), stack)
	if err != nil {
		v.t.Fatal(err)
	}
	return plan.SHA256
}

// applies expects how an apply ends, or the kind of its error.
func (v *visit) applies(id, judged string, want host.ApplyStatus, kind fault.Kind, began bool) {
	v.t.Helper()
	got, err := v.space.Apply(v.t.Context(), host.ApplySpec{ID: id, Dir: stack, SHA256: judged, Commit: v.site.remote.Tip()})
	got.Output = ""
	check(v.t, "the apply", got, want)
	if (err != nil) != (kind != fault.None) || err != nil && fault.Of(err) != kind || errors.Is(err, host.ErrBegan) != began {
		v.t.Errorf("the apply says %v, of kind %s, not %s", err, fault.Of(err), kind)
	}
}

// stands expects what the host tells of an apply.
func (v *visit) stands(id, judged string, want host.ApplyStatus) {
	v.t.Helper()
	got := must[host.ApplyStatus](v.t)(v.FenceApply(v.t.Context(), id, judged))
	got.Output = ""
	check(v.t, "the fence", got, want)
}

func (v *visit) well(acts ...func(context.Context) error) {
	v.t.Helper()
	for _, act := range acts {
		if err := act(v.t.Context()); err != nil {
			v.t.Error(err)
		}
	}
}

func (v *visit) settled(id string) func(context.Context) error {
	return func(ctx context.Context) error { return v.Settled(ctx, id) }
}

var (
	none    host.ApplyStatus // it never began
	unknown = host.ApplyStatus{Unknown: true}
	nobodys = strings.Repeat("0", 64) // a plan that nobody saved
)

// TestHostIsAsARealOne asks the same of the host in memory and of this machine.
func TestHostIsAsARealOne(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*testing.T, site){
		"apply twice": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.applies("one", v.judged, v.ended, fault.None, false)
			v.applies("one", v.judged, none, fault.Person, true)
			v.stands("one", v.judged, v.ended)
		},
		"fence, then apply": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.stands("one", v.judged, none)
			v.stands("one", v.judged, none)
			v.applies("one", v.judged, none, fault.Temporary, false)
			v.applies("two", v.judged, v.ended, fault.None, false)
			v.stands("one", v.judged, none)
		},
		"another plan": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.applies("one", nobodys, none, fault.Failed, false)
			elsewhere := v.judged
			v.space = must[seam.Checkout](t)(v.checkout())
			v.applies("one", elsewhere, none, fault.Failed, false)
			if v.judged = v.plan(); v.judged == elsewhere {
				t.Error("two plans are the same")
			}
			v.ended.SHA256 = v.judged
			v.applies("one", v.judged, v.ended, fault.None, false)
		},
		"nothing": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.stands("one", nobodys, unknown)
			v.well(v.settled("one"), v.Close, v.Close)
			v.stands("one", v.judged, unknown)
			v.applies("one", v.judged, none, fault.Temporary, false)
			_, err := v.space.Plan(t.Context(), stack)
			_, made := v.checkout()
			check(t, "once the directory is gone", []fault.Kind{fault.Of(err), fault.Of(made)}, []fault.Kind{fault.Failed, fault.Failed})
		},
		"altered": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			s.alter()
			v.applies("one", v.judged, none, fault.Failed, false)
			_, planned := v.space.Plan(t.Context(), stack)
			_, verified := v.space.Verify(t.Context(), []byte("{}"))
			_, made := v.checkout()
			_, opened := s.open("later")
			for what, err := range map[string]error{"a plan": planned, "the owner's check": verified, "a workspace": made, "the next run": opened} {
				if !errors.Is(err, host.ErrAltered) || fault.Of(err) != fault.Failed {
					t.Errorf("%s: %v", what, err)
				}
			}
		},
		"close with a fence": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.stands("one", v.judged, none)
			v.well(v.Close)
			v.stands("one", v.judged, unknown)
		},
		"close with an unsettled apply": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.applies("one", v.judged, v.ended, fault.None, false)
			v.well(v.Close)
			v.stands("one", nobodys, v.ended)
			v.well(v.settled("one"))
			v.ended.Settled, v.ended.SHA256 = true, ""
			v.stands("one", nobodys, v.ended)
			v.well(v.Close)
			v.stands("one", v.judged, unknown)
		},
		"reclaim": func(t *testing.T, s site) {
			v := s.visit(t, "run")
			v.applies("one", v.judged, v.ended, fault.None, false)
			later := must[seam.TerraformHost](t)(s.open("later"))
			reclaims := func(needed ...host.Journaled) func(context.Context) error {
				return func(ctx context.Context) error { return later.Reclaim(ctx, needed) }
			}
			v.well(reclaims(host.Journaled{Apply: "one", SHA256: nobodys}), reclaims(host.Journaled{Apply: "two", SHA256: v.judged}))
			v.stands("one", v.judged, v.ended)
			v.well(reclaims(host.Journaled{Apply: "two", SHA256: nobodys}))
			v.stands("one", v.judged, unknown)
		},
	} {
		t.Run(name+"/fake", func(t *testing.T) { t.Parallel(); ask(t, fakeSite(t)) })
		t.Run(name+"/this machine", func(t *testing.T) { t.Parallel(); ask(t, realSite(t)) })
	}
}
