package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/standin"
)

// measureItems compares dry runs over so many items in documents of so many rows
// each: with which power of the items their cost grows.
func measureItems(dir, program string, items, rows []int, rounds int) error {
	fmt.Println("\n| rows of a document | items | CPU | to the first | grows by the power of | peak memory | log | summary.json |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, each := range rows {
		first := 0.0
		for n, all := range items {
			one, err := dryRuns(filepath.Join(dir, fmt.Sprintf("items-%d-%d", each, all)), program, all, each, rounds)
			if err != nil {
				return fmt.Errorf("%d items, %d in a document: %w", all, each, err)
			}
			cpu := median(one.cost, func(c cost) int64 { return int64(c.cpu) }) / 1e9
			power := ""
			if n == 0 {
				first = cpu
			} else {
				power = fmt.Sprintf("%.2f", math.Log(cpu/first)/math.Log(float64(all)/float64(items[0])))
			}
			fmt.Printf("| %d | %d | %.2f s | %.2f | %s | %.0f MB | %.0f kB | %.0f kB |\n", each, all, cpu, cpu/first, power,
				median(one.cost, func(c cost) int64 { return c.memory })/1e6, float64(one.printed)/1e3, float64(one.summary)/1e3)
		}
	}
	return nil
}

// dryRuns measures dry runs, from their start to the end of their report, with the
// stand-ins for Vault, host and git. A quarter of the items are to be implemented.
func dryRuns(dir, program string, items, rows, rounds int) (c contestant, err error) {
	files := map[string]string{}
	for d := range (items + rows - 1) / rows {
		files[document(d)] = manyRows(d, min(rows, items-d*rows))
	}
	world, err := standin.Start(standin.Options{Dir: dir, Files: files})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, world.Close(), os.RemoveAll(dir)) }()
	c = contestant{name: "dry run", args: func(target string) *exec.Cmd {
		cmd := exec.Command(program)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PLUGIN_MODE=dry-run", "PLUGIN_SCOPE=all", "PLUGIN_SUMMARY_DIR=" + target}
		for name, value := range world.Settings() {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		return cmd
	}}
	b := bench{dir: dir, program: program}
	for range rounds {
		one, err := b.once(&c, filepath.Join(dir, "summaries"))
		if err != nil {
			return c, err
		}
		c.cost = append(c.cost, one)
	}
	return c, nil
}

// manyRows is a document with a table of so many items: safe ones, those of a
// person's, and those that are done.
func manyRows(d, rows int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Post-mortem: incident %d\n\nThe volumes of cluster %d were full.\n\n## Action items\n\n", d, d)
	b.WriteString("| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n")
	for i := range rows {
		fmt.Fprintf(&b, [4]string{
			"| P2 | Add an alert on disk usage of volume %d in cluster %d | Alert | over 80 %% for ten minutes, to the channel of its owners | TODO |\n",
			"| P1 | Migrate volume %d of cluster %d to another class | Migration | with a window, and the runbook at hand | TODO |\n",
			"| P2 | Find out why volume %d in cluster %d grew | Investigation | the graphs of the week before | Open |\n",
			"| P3 | Write down how to resize volume %d in cluster %d | Documentation | in the runbook of storage | Done |\n",
		}[i%4], i, d)
	}
	return b.String()
}
