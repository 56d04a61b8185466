resource "terraform_data" "alerts" {
  input = <<-YAML
    groups:
      - name: nodes
        rules:
          - alert: NodeDown
            expr: up{job="node"} == 0
            for: 5m
            labels:
              severity: critical
  YAML
}
