terraform {
  backend "local" {
    path = "@STATE@/nfs.tfstate"
  }
}
