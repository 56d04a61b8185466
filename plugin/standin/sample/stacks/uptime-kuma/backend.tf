terraform {
  backend "local" {
    path = "@STATE@/uptime-kuma.tfstate"
  }
}
