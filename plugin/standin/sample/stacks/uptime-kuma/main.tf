resource "terraform_data" "monitors" {
  input = <<-YAML
    scrape_configs:
      - job_name: grafana
        metrics_path: /probe
        static_configs:
          - targets: ["https://grafana.example.org/api/health"]
      - job_name: wiki
        metrics_path: /probe
        static_configs:
          - targets: ["https://wiki.example.org/"]
  YAML
}
