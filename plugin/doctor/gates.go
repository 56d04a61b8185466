package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/judge"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// mostTried is how many stacks are tried: they are mostly alike, and each costs
// some milliseconds.
const mostTried = 50

// gates tries a harmless change in each stack, so that nobody pays an agent to
// find out that nothing of a stack can pass.
func gates(_ context.Context, p *patient, say voice) {
	folders := p.stackFolders()
	if p.Settings.Unplanned() || len(folders) == 0 {
		say.skip("", "there is no stack to try a change in")
		return
	}
	slices.Sort(folders)
	more := max(0, len(folders)-mostTried)
	trials, err := judge.Trials(p.repo, p.Settings, p.tip, folders[:len(folders)-more])
	if err != nil {
		say.fail("", err)
		return
	}
	texts, stacks := byOutcome(trials)
	for _, text := range texts {
		say.ok(shortList(stacks[text]), text)
	}
	if !slices.ContainsFunc(trials, func(t judge.Trial) bool { return t.Lane != gate.Forbidden }) {
		say.fail("", fault.WithFix(errors.New("no change of any stack would pass the diff gate"), "look at allow_paths, type_paths, protected and state_paths"))
	}
	if more > 0 {
		say.skip("", fmt.Sprintf("%d more stacks were not tried", more))
	}
}

// byKey puts values together that have a key in common, and is the keys in the
// order in which they first occur.
func byKey[V any](all []V, key func(V) string) (keys []string, of map[string][]V) {
	of = map[string][]V{}
	for _, one := range all {
		k := key(one)
		if of[k] == nil {
			keys = append(keys, k)
		}
		of[k] = append(of[k], one)
	}
	return keys, of
}

// byOutcome puts stacks together of which the same is to be said.
func byOutcome(trials []judge.Trial) (texts []string, stacks map[string][]string) {
	names, of := byKey(trials, func(t judge.Trial) string { return t.Stack })
	return byKey(names, func(stack string) string { return outcome(of[stack]) })
}

// outcome says what can be changed in one stack: types with the same answer
// stand together.
func outcome(trials []judge.Trial) string {
	types, of := byKey(trials, func(t judge.Trial) string { return t.Type })
	said, parts := byKey(types, func(kind string) string { return answers(of[kind]) })
	for i, one := range said {
		said[i] = strings.Join(parts[one], ", ") + ": " + one
	}
	return strings.Join(said, "; ")
}

// answers says which kinds of files pass for one type, and why others do not.
func answers(trials []judge.Trial) string {
	var passed, proposed []string
	var codes []reason.Code
	refused := map[reason.Code][]string{}
	for _, t := range trials {
		switch {
		case t.Lane == gate.Automatic, t.Lane == gate.Approval && len(t.Findings) == 0:
			passed = append(passed, t.Kind)
		case t.Lane == gate.Approval:
			proposed = append(proposed, t.Kind+" ("+string(t.Findings[0].Code)+")")
		default:
			code := t.Findings[0].Code
			if refused[code] == nil {
				codes = append(codes, code)
			}
			refused[code] = append(refused[code], t.Kind)
		}
	}
	var parts []string
	if len(passed) > 0 {
		parts = append(parts, "a line passes in "+strings.Join(passed, ", "))
	}
	if len(proposed) > 0 {
		parts = append(parts, "only as a proposal in "+strings.Join(proposed, ", "))
	}
	for _, code := range codes {
		parts = append(parts, "none in "+strings.Join(refused[code], ", ")+" ("+string(code)+")")
	}
	return strings.Join(parts, ", ")
}

// shortList names the first of some stacks, and how many there are.
func shortList(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
