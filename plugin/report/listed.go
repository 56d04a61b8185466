package report

// maxListed is how many of a kind a summary and the log's table list. How many
// there are, the totals say.
const maxListed = 100

// listed is a view that is no longer for thousands of items than for hundreds:
// of the items the first of each state, of the rest the first of each kind, what
// is news before what is not.
func (v View) listed() View {
	shown := map[string]int{}
	items := []itemView{}
	for _, one := range v.Items {
		if shown[one.State]++; shown[one.State] <= maxListed {
			items = append(items, one)
		}
	}
	v.Items = items
	v.Skipped = firstOf(v.Skipped, func(i leftView) bool { return i.New })
	v.Unclear = firstOf(v.Unclear, func(i leftView) bool { return i.New })
	v.Documents = firstOf(v.Documents, func(d documentView) bool { return d.Changed })
	v.Problems = v.Problems[:min(len(v.Problems), maxListed)]
	return v
}

// firstOf is the first of a list, in its order: those that are preferred, and as
// many of the others as there is room for.
func firstOf[T any](all []T, preferred func(T) bool) []T {
	if len(all) <= maxListed {
		return all
	}
	chosen := make([]bool, len(all))
	room := maxListed
	for _, wanted := range []bool{true, false} {
		for i, one := range all {
			if room > 0 && preferred(one) == wanted {
				chosen[i] = true
				room--
			}
		}
	}
	first := make([]T, 0, maxListed)
	for i, one := range all {
		if chosen[i] {
			first = append(first, one)
		}
	}
	return first
}
