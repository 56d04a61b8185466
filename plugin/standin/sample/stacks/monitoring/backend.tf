terraform {
  backend "local" {
    path = "@STATE@/monitoring.tfstate"
  }
}
