// Package standin holds a whole world for a run: a git remote, Vault, an SSH
// host with the coding agent and Terraform, and Slack. The demo and the tests of
// whole runs use it; each stand-in is a package below.
//
// They speak the real protocols on the loopback interface, so that the code
// under test cannot tell the difference, and they need nothing but Go, git and
// sh. Agent and Terraform are this very executable, started again by small shell
// wrappers; see Dispatch.
package standin

import (
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/program"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// Dispatch runs one of the stand-in programs when args, in the form of
// os.Args, asks for it, and tells with which code to exit. Their wrappers call
// the executable that wrote them, so main and every TestMain that uses this
// package call Dispatch first:
//
//	if handled, code := standin.Dispatch(os.Args); handled {
//		os.Exit(code)
//	}
func Dispatch(args []string) (handled bool, code int) {
	return program.Dispatch(args, map[string]program.Main{"claude": agent.Main, "terraform": terraform.Main})
}
