package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// WatchOf is what Prometheus must show of a rule once it is loaded; false when its
// expression is none of Prometheus.
func WatchOf(r item.Rule) (item.Watch, bool) {
	sum, ok := sumOf(r.Name, r.Expr, r.For)
	return item.Watch{Rule: r.Name, Sum: sum}, ok
}

// sumOf stands for a rule, however its expression is written.
func sumOf(name, expr string, wait time.Duration) (string, bool) {
	e, err := promql.Parse(expr)
	if err != nil {
		return "", false
	}
	sum := sha256.Sum256([]byte(name + "\x00" + e.Canonical() + "\x00" + wait.String()))
	return hex.EncodeToString(sum[:8]), true
}

// loadedRule is a rule of /api/v1/rules.
type loadedRule struct {
	Name      string      `json:"name"`
	Query     string      `json:"query"`
	Duration  json.Number `json:"duration"` // seconds
	Health    string      `json:"health"`
	LastError string      `json:"lastError"`
}

// rulesPath asks for the rules without their alerts. A server that does not know
// the parameter passes it over.
const rulesPath = "/api/v1/rules?exclude_alerts=true"

// ruleList is the answer of /api/v1/rules.
type ruleList struct {
	Groups []struct {
		Rules []loadedRule `json:"rules"`
	} `json:"groups"`
}

func (l ruleList) all() (all []loadedRule) {
	for _, group := range l.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// target is one of /api/v1/targets.
type target struct {
	Pool      string `json:"scrapePool"`
	Health    string `json:"health"`
	LastError string `json:"lastError"`
}

// Missing is what is not loaded, or not healthy, with what Prometheus says.
type Missing struct {
	Watch item.Watch
	Why   string
	Blind bool // it has no API that could say so
}

// Loaded asks once for what of the watched is not loaded and healthy.
func (p *Prometheus) Loaded(ctx context.Context, watched []item.Watch) (missing []Missing, err error) {
	var rules ruleList
	var targets struct {
		Active []target `json:"activeTargets"`
	}
	var wantsRules, wantsTargets bool
	for _, w := range watched {
		wantsRules, wantsTargets = wantsRules || w.Pool == "", wantsTargets || w.Pool != ""
	}
	seesRules, seesTargets := true, true
	if wantsRules {
		if seesRules, err = p.has(ctx, rulesPath, &rules); err != nil {
			return nil, err
		}
	}
	if wantsTargets {
		if seesTargets, err = p.has(ctx, "/api/v1/targets?state=active", &targets); err != nil {
			return nil, err
		}
	}
	all := rules.all()
	for _, w := range watched {
		one := Missing{Watch: w}
		switch {
		case w.Pool != "" && !seesTargets:
			one.Blind, one.Why = true, "there is no list of targets (/api/v1/targets) at prometheus_url"
		case w.Pool != "":
			one.Why = whyNotUp(w.Pool, targets.Active)
		case !seesRules:
			one.Blind, one.Why = true, "there is no list of rules (/api/v1/rules) at prometheus_url"
		default:
			one.Why = whyNotLoaded(w, all)
		}
		if one.Why != "" {
			missing = append(missing, one)
		}
	}
	return missing, nil
}

// has asks for what not every server has, and reports whether this one does. One
// that has nothing at all is an error.
func (p *Prometheus) has(ctx context.Context, path string, into any) (bool, error) {
	_, err := p.ask(ctx, path, nil, into)
	if errors.Is(err, errNoAPI) {
		if _, gone := p.now(ctx); gone == nil {
			return false, nil
		}
	}
	return err == nil, err
}

// onlyBlind reports whether waiting changes nothing about what is missing.
func onlyBlind(missing []Missing) bool {
	return !slices.ContainsFunc(missing, func(m Missing) bool { return !m.Blind })
}

// whyNotLoaded is what is wrong with a watched rule, "" when it is loaded and was
// evaluated.
func whyNotLoaded(w item.Watch, all []loadedRule) string {
	why := "it is not among the loaded rules"
	if len(all) == 0 {
		why = "no rule at all is loaded there; a VictoriaMetrics needs -vmalert.proxyURL to tell of them"
	}
	for _, r := range all {
		if w.Rule != "" && r.Name != w.Rule {
			continue
		}
		wait, _ := r.Duration.Float64() // none: a recording rule
		sum, _ := sumOf(r.Name, r.Query, time.Duration(wait*float64(time.Second)))
		switch {
		case sum != w.Sum:
			if w.Rule != "" {
				why = "the loaded rule of this name has another expression or wait"
			}
		case r.Health == "ok":
			return ""
		case r.LastError != "":
			return "it cannot be evaluated: " + text.Line(r.LastError, 300)
		default:
			return "it is loaded, and was not evaluated yet"
		}
	}
	return why
}

// whyNotUp is what is wrong with a pool of targets, "" when one of them is up.
func whyNotUp(pool string, all []target) string {
	why := "no target of it is known"
	for _, t := range all {
		switch {
		case t.Pool != pool && !strings.HasPrefix(t.Pool, pool+"/"):
		case t.Health == "up":
			return ""
		case t.LastError != "":
			why = "its target is down: " + text.Line(t.LastError, 300)
		default:
			why = "its target was not scraped yet"
		}
	}
	return why
}

// Await asks until all of the watched is loaded and healthy, or evidence_timeout is
// over. Reloads take time, and a Prometheus that reloads may not answer meanwhile.
func (p *Prometheus) Await(ctx context.Context, watched []item.Watch) (missing []Missing, err error) {
	limited, cancel := context.WithTimeout(ctx, p.config.Timeout)
	defer cancel()
	for {
		now, askErr := p.Loaded(limited, watched)
		switch {
		case askErr == nil:
			missing, err = now, nil
		case limited.Err() == nil || missing == nil:
			missing, err = nil, askErr
		}
		if askErr == nil && onlyBlind(missing) {
			return missing, nil
		}
		select {
		case <-limited.Done():
			if err != nil {
				return nil, fmt.Errorf("wait for what was applied to be loaded: %w", err)
			}
			return missing, nil
		case <-time.After(p.pause):
		}
	}
}
