resource "terraform_data" "prometheus" {
  input = {
    retention = "30d"
    scrape    = ["node", "nfsd", "kube-state-metrics"]
  }
}
