package item

import (
	"encoding/json"
	"fmt"
)

// ForCheck is the item as verify_command reads it.
func (i Item) ForCheck(stack string) ([]byte, error) {
	encoded, err := json.Marshal(struct {
		Document string `json:"document"`
		ID       string `json:"id"`
		Date     string `json:"date"`
		Priority string `json:"priority"`
		Action   string `json:"action"`
		Type     string `json:"type"`
		Details  string `json:"details"`
		Stack    string `json:"stack"`
	}{i.Document, i.ID, i.Date, i.Priority, i.Action, i.Type, i.Details, stack})
	if err != nil {
		return nil, fmt.Errorf("encode the item for verify_command: %w", err)
	}
	return append(encoded, '\n'), nil
}
