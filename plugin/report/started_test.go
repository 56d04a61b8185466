package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestTheStartTellsOfNeitherTimeNorCost(t *testing.T) {
	content, err := json.Marshal(Started(Summary{Duration: 90 * time.Second, BudgetUSD: 5}, []item.Item{{Action: "Add an alert"}}, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"$", "1m"} {
		if strings.Contains(string(content), told) {
			t.Errorf("%s is in %s", told, content)
		}
	}
}
