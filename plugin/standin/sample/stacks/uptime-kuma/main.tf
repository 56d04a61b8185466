resource "terraform_data" "monitors" {
  input = {
    "grafana" = "https://grafana.example.org/api/health"
    "wiki"    = "https://wiki.example.org/"
  }
}
