resource "terraform_data" "monitors" {
  input = <<-YAML
    scrape_configs:
      - job_name: grafana
        metrics_path: /probe
        params:
          module: [http_2xx]
        static_configs:
          - targets: ["https://grafana.example.org/api/health"]
        relabel_configs:
          - source_labels: [__address__]
            target_label: __param_target
          - target_label: __address__
            replacement: blackbox:9115
  YAML
}
