package text

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the known name that a wrong one most likely stands for, or "". Dashes
// and underscores do not count.
func Nearest(name string, known []string) string {
	plain := strings.NewReplacer("_", "", "-", "").Replace
	best, least := "", max(2, len(name)/3)+1
	for _, one := range known {
		// camelCase arrives without its hump: vaultAddr as vaultaddr.
		d := levenshtein.Distance(plain(name), plain(one), nil)
		if strings.HasPrefix(one, name+"_") || strings.HasPrefix(one, name+"-") {
			d = min(d, 2) // budget for budget_usd
		}
		if d < least {
			best, least = one, d
		}
	}
	return best
}
