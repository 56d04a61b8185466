//go:build race

package postmortem

// raceEnabled says that the race detector runs, which allocates much itself.
const raceEnabled = true
