package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/urfave/cli/v2"
)

// prometheusSettings are the settings that decide which Prometheus is asked, and how.
var prometheusSettings = []string{
	"prometheus_url", "prometheus_token", "prometheus_username", "prometheus_password", "prometheus_ca_cert", "prometheus_tenant",
	"git_ca_cert", "proxy", "no_proxy",
}

// backtestSettings are those, and what counts as noise.
var backtestSettings = append([]string{"noisy_after"}, prometheusSettings...)

// errWorthless stands for what was printed of a rule that a run would not take.
var errWorthless = errors.New("a run would ask a person about this rule")

// backtestCommand tells authors what an alert would have done.
func backtestCommand() *cli.Command {
	return &cli.Command{
		Name:      "backtest",
		Usage:     "ask Prometheus whether an alert would have told of an incident",
		UsageText: "pm-todos backtest --expr EXPRESSION [--for 10m] [--document FILE] [flags]",
		Description: "It asks prometheus_url what a run asks before it applies a new alert: whether the metrics of the expression are\n" +
			"known, when it would have fired in the incident of the document, and how often in the last 30 days.\n\n" +
			"The exit code is 1 if a run would put such a rule before a person, or Prometheus cannot be asked; else 0.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "expr", Usage: "the expression, in PromQL"},
			&cli.StringFlag{Name: "for", Usage: "how long it must hold, as in a rule", Value: "0"},
			&cli.StringFlag{Name: "document", Usage: "the post-mortem; - is standard input"},
			formatFlag("text or json", "text", "json"),
		}, settingFlags(backtestSettings...)...),
		Action: backtestAction,
	}
}

func backtestAction(c *cli.Context) error {
	rule := item.Rule{Name: "the rule", Expr: c.String("expr"), Added: true}
	var ok bool
	if rule.For, ok = promql.ParseDuration(c.String("for")); !ok {
		return usageError("--for: %q is no duration of Prometheus, such as 10m", c.String("for"))
	}
	if _, err := promql.Parse(rule.Expr); err != nil {
		return usageError("--expr: %w", err)
	}
	s, err := someSettings(c, backtestSettings)
	if err != nil {
		return err
	}
	if s.Evidence.URL == "" {
		return usageError("backtest needs prometheus_url: set --prometheus-url or PLUGIN_PROMETHEUS_URL")
	}
	var incident item.Incident
	if file := c.String("document"); file != "" {
		src, err := readDocument(file, c.App.Reader)
		if err != nil {
			return fmt.Errorf("backtest: %w", err)
		}
		incident = postmortem.Parse(file, src, classify.Policy{}).Incident
	}
	p, err := access.Opener{Settings: s}.Prometheus(s.Evidence, nil)
	if err != nil {
		return err
	}
	defer p.Close()
	out, err := p.Answer(c.Context, rule, incident)
	if err != nil {
		return fmt.Errorf("backtest: %w", err)
	}
	if c.String("format") == "json" {
		err = writeJSON(c.App.Writer, out)
	} else if _, err = fmt.Fprintln(c.App.Writer, strings.Join(out.Sentences, "\n")); err != nil {
		err = fmt.Errorf("print the answer: %w", err)
	}
	if err != nil {
		return err
	}
	if out.NeedsPerson {
		return alreadyReported(fault.Mark(fault.Failed, errWorthless))
	}
	return nil
}
