package report

// maxListed is how many of a kind a view lists. How many there are, the totals
// say: what a report costs does not grow with items that nobody reads there.
const maxListed = 100

// firstOf is the first of a list, in its order, at most maxListed of each kind:
// those that are preferred, and as many of the others as there is room for.
func firstOf[T any](all []T, kind func(T) string, preferred func(T) bool) []T {
	if len(all) <= maxListed {
		return all
	}
	chosen, taken := make([]bool, len(all)), map[string]int{}
	for _, wanted := range []bool{true, false} {
		for i, one := range all {
			if of := kind(one); taken[of] < maxListed && preferred(one) == wanted {
				chosen[i] = true
				taken[of]++
			}
		}
	}
	var first []T
	for i, one := range all {
		if chosen[i] {
			first = append(first, one)
		}
	}
	return first
}

// alike is the kind of things that are all of one kind.
func alike[T any](T) string { return "" }
