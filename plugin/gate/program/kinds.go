package program

import "github.com/pm-todos/pm-todos/plugin/pattern"

// atPlan matches data sources that run programs at plan time, reach out
// to the network, or read files, secrets and other stacks' state.
var atPlan = pattern.Lazy(`^(external|http|local_|archive_|template_|cloudinit_|terraform_remote_state|tfe_|vault_|sops_|aws_secretsmanager_|aws_ssm_|aws_kms_|` +
	`google_secret_manager_|google_client_config|google_service_account_|azurerm_key_vault_|azurerm_client_config|kubernetes_secret|kubernetes_service_account|kubernetes_resource|` +
	`kubernetes_config_map|onepassword_|bitwarden|doppler_|infisical_|dns_|tls_certificate|git_|github_|gitlab_|shell_|ssh_|remote_|null_|helm_template|kustomization_|` +
	`kubectl_|docker_|consul_|jsonnet_|pass_|keycloak_|authentik_|aws_eks_cluster_auth|aws_ecr_authorization_token|aws_iam_|` +
	`aws_lambda_invocation|aws_s3_(bucket_)?object|google_storage_bucket_object_content|azurerm_storage_|terracurl_|restapi_|rest_|graphql_|curl|command_|exec_|script_|process_|env|` +
	`akeyless_|conjur_|passbolt_|lastpass_|etcd)`)

// atApply matches resources that run programs or write files on the host
// where Terraform runs, or on machines that it reaches.
var atApply = pattern.Lazy(`^(local_|external|shell_|ssh_|remote_|archive_|template_|ansible_|docker_|null_data|scaffolding_|command_|exec_|cloudinit_|system_|sys_|bash_|` +
	`terracurl_|restapi_|http|toolbox_|multispace_|tfe_|spacelift_|env0_|linux_|winrm_|aws_ssm_|kubernetes_pod_exec|kustomization_)`)

// RunsAtPlan reports whether data sources of a type run programs or read secrets,
// files, hosts or other states at plan time.
func RunsAtPlan(kind string) bool { return atPlan().MatchString(kind) }

// RunsAtApply reports whether resources of a type run programs or write files on
// the host where Terraform runs, or on machines that it reaches.
func RunsAtApply(kind string) bool { return atApply().MatchString(kind) }
