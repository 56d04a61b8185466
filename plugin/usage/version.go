package usage

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// revision is set by the linker where the build does not see the repository, as
// in the build of the image.
var revision string

// Version is the version of this program: the one that the linker was given, or,
// of a build by go install, the one of its module.
func Version(linked string) string {
	if info, ok := debug.ReadBuildInfo(); ok && linked == "devel" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return linked
}

// commit is the one that this program was built from, as far as its build knew.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok && revision == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return revision
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version, and what it was built from and with",
		Flags: []cli.Flag{formatFlag()},
		Action: func(ctx *cli.Context) error {
			asJSON, args, err := format(ctx)
			if err == nil && len(args) > 0 {
				err = usageError("version takes no argument")
			}
			if err != nil {
				return err
			}
			revision := commit()
			if !asJSON {
				line := fmt.Sprintf("%s version %s", ctx.App.Name, ctx.App.Version)
				if revision != "" {
					line += ", commit " + revision
				}
				return show(ctx, fmt.Sprintf("%s, %s %s/%s\n", line, runtime.Version(), runtime.GOOS, runtime.GOARCH))
			}
			content, err := json.Marshal(struct {
				Version  string `json:"version"`
				Commit   string `json:"commit,omitempty"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{ctx.App.Version, revision, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
			if err != nil {
				return fmt.Errorf("encode the version: %w", err)
			}
			return show(ctx, string(content)+"\n")
		},
	}
}
