package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// chartValues is a template of the values of a Prometheus chart as large
// repositories have it, with interpolations, directives and the templates of
// alerts side by side, in hundreds of lines.
func chartValues() string {
	var b strings.Builder
	b.WriteString(`server:
  retention: ${retention}
  resources:
    limits:
      memory: 512Mi
    requests:
      memory: 256Mi
extraScrapeConfigs: |
%{ for node in nodes ~}
  - job_name: node-${node}
    static_configs:
      - targets: ["${node}:9100"]
%{ endfor ~}
serverFiles:
  alerting_rules.yml:
    groups:
`)
	for group := range 19 {
		fmt.Fprintf(&b, "      - name: group-%d\n        rules:\n", group)
		for rule := range 3 {
			fmt.Fprintf(&b, `          - alert: Service%dErrors%d
            expr: rate(service%d_errors_total{job="x"}[5m]) > %d
            for: 5m
            labels:
              severity: warning
            annotations:
              summary: Service %d on {{ $labels.instance }} has errors
`, group, rule, group, rule+1, group)
		}
	}
	return b.String()
}

// originalFiles is a repository of Terragrunt stacks behind a wrapper.
func originalFiles() map[string]string {
	return map[string]string{
		"scripts/tg": wrapper,
		"terragrunt.hcl": `generate "provider" {
  path      = "provider.tf"
  if_exists = "overwrite"
  contents  = <<-EOF
    provider "aws" {
      allowed_account_ids = ["111122223333"]
    }
  EOF
}
`,
		"stacks/monitoring/terragrunt.hcl": `include "root" {
  path = find_in_parent_folders()
}

terraform {
  before_hook "accounts" {
    commands = ["plan"]
    execute  = ["sh", "-c", "jq '.[' accounts.json || true"]
  }
}
`,
		"stacks/monitoring/main.tf": `module "monitoring" {
  source    = "./modules/monitoring"
  retention = "15d"
  nodes     = ["a", "b"]
}
`,
		"stacks/monitoring/alerts.tf": "",
		"stacks/monitoring/modules/monitoring/main.tf": `variable "retention" {
  type = string
}

variable "nodes" {
  type = list(string)
}

resource "terraform_data" "prometheus" {
  input = templatefile("${path.module}/prometheus_chart_values.tpl", {
    retention = var.retention
    nodes     = var.nodes
  })
}
`,
		"stacks/monitoring/modules/monitoring/prometheus_chart_values.tpl": chartValues(),
	}
}

// originalAgent does the four kinds of work that the test's items ask for, and
// nothing beside them.
const originalAgent = `set -eu
file=stacks/monitoring/modules/monitoring/prometheus_chart_values.tpl
case $ITEM_ACTION in
*retransmission*) cat >>"$file" <<'RULE'
          - alert: NFSRetransmissions
            expr: rate(node_nfs_rpc_retransmissions_total[5m]) > 5
            for: 10m
            labels:
              severity: warning
            annotations:
              summary: NFS on {{ $labels.instance }} is slow
RULE
;;
*Service7Errors1*) sed -i '/alert: Service7Errors1$/,/for:/ s/> 2$/> 10/' "$file" ;;
*probe*) sed -i 's/^%{ endfor ~}$/&\n  - job_name: wiki\n    metrics_path: \/probe\n    params:\n      module: [http_2xx]\n    static_configs:\n      - targets: ["https:\/\/wiki.example.org"]\n    relabel_configs:\n      - source_labels: [__address__]\n        target_label: __param_target\n      - target_label: __address__\n        replacement: blackbox:9115/' "$file" ;;
*memory*) sed -i '0,/memory: 512Mi/ s/memory: 512Mi/memory: 1Gi/' "$file" ;;
esac
`

func TestRepositoryWithTerragruntAndALargeTemplate(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	terraforms := realTerraforms(t)
	rows := document(
		"| P0 | Add an alert on NFS retransmissions | Alert | over 5 for 10 minutes | TODO |",
		"| P1 | Raise the threshold of Service7Errors1 to 10 | Alert | it is noisy | TODO |",
		"| P2 | Add a probe of the wiki | Monitor | `https://wiki.example.org` | TODO |",
		"| P3 | Raise the memory limit of the server to 1Gi | Config | `stacks/monitoring`, it has 512Mi | TODO |",
	)
	o := only("2026-04-14-nfs.md", rows)
	o.Terraform, o.AgentScript = terraforms[slices.Max(slices.Collect(maps.Keys(terraforms)))], originalAgent
	for name, text := range originalFiles() {
		o.Files[name] = text
	}
	o.ExecutableFiles = []string{"stacks/monitoring/modules/monitoring/prometheus_chart_values.tpl"}
	s, settings := realSite(t, o)
	settings["PLUGIN_SANDBOX"] = "off" // the account is compared, and a real Terraform is no alarm
	s.wants(0, s.run(settings))
	doc := s.file("docs/post-mortems/2026-04-14-nfs.md")
	if n := strings.Count(doc, "| Done |"); n != 4 {
		t.Errorf("%d rows are Done:\n%s\n%s", n, doc, s.last)
	}
	values := fmt.Sprint(s.state("monitoring"))
	for _, want := range []string{"alert: NFSRetransmissions", "service7_errors_total{job=\"x\"}[5m]) > 10", "job_name: wiki", "memory: 1Gi", "job_name: node-b"} {
		if !strings.Contains(values, want) {
			t.Errorf("the state lacks %q", want)
		}
	}
	s.nothingLeft()
}
