resource "terraform_data" "server" {
  input = {
    address = "10.0.10.15"
    image   = "debian-12"
  }

  # The number of threads is fixed when the machine is made.
  triggers_replace = {
    threads = 8
  }
}

resource "terraform_data" "export" {
  input = {
    path    = "/srv/k8s"
    clients = "10.0.20.0/22"
  }
}
