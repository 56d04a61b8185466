resource "terraform_data" "vault" {
  input = {
    storage  = "nfs"
    replicas = 3
  }

  lifecycle {
    prevent_destroy = true
  }
}
