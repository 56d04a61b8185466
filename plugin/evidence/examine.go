package evidence

import (
	"context"
	"errors"
	"time"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Condition is what a server shows of itself.
type Condition struct {
	Version    string        // "" when it does not say
	Skew       time.Duration // how far its clock is ahead of this one
	ListsRules bool
	Rules      int // that are loaded
}

// Examine asks for what a run would need, without asking about any rule.
func (p *Prometheus) Examine(ctx context.Context) (c Condition, err error) {
	now, err := p.now(ctx)
	if err != nil {
		return c, err
	}
	c.Skew = time.Until(now).Round(time.Second)
	var build struct {
		Version string `json:"version"`
	}
	// Not every server tells its version, and nothing hangs on it.
	if _, err := p.ask(ctx, "/api/v1/status/buildinfo", nil, &build); err == nil {
		c.Version = text.Line(build.Version, 40)
	} else if ctx.Err() != nil {
		return c, errors.Join(err, ctx.Err())
	}
	var rules ruleList
	if c.ListsRules, err = p.has(ctx, rulesPath, &rules); err != nil {
		return c, err
	}
	c.Rules = len(rules.all())
	return c, nil
}
