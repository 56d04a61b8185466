terraform {
  backend "local" {
    path = "@STATE@/vault.tfstate"
  }
}
