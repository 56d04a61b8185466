resource "terraform_data" "alert_node_down" {
  input = {
    alert    = "NodeDown"
    expr     = "up{job=\"node\"} == 0"
    for      = "5m"
    severity = "critical"
  }
}
