package agent

import (
	"cmp"
	"net/url"
)

// EndpointVariables are the variables of an account that say where the program
// finds its model. None of them is a secret.
//
// https://code.claude.com/docs/en/settings, Environment variables.
var EndpointVariables = []string{
	"ANTHROPIC_BASE_URL",
	"CLAUDE_CODE_USE_BEDROCK", "ANTHROPIC_BEDROCK_BASE_URL", "AWS_REGION", "AWS_DEFAULT_REGION",
	"CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_VERTEX_BASE_URL", "CLOUD_ML_REGION",
	"CLAUDE_CODE_USE_FOUNDRY", "ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_FOUNDRY_RESOURCE",
}

// Servers are the servers that the program needs, as HOST or HOST:PORT: that of
// its model, and the one that refreshes its login.
func Servers(env map[string]string) []string {
	switch {
	case env["CLAUDE_CODE_USE_BEDROCK"] != "":
		region := cmp.Or(env["AWS_REGION"], env["AWS_DEFAULT_REGION"], "us-east-1")
		return []string{cmp.Or(hostOf(env["ANTHROPIC_BEDROCK_BASE_URL"]), "bedrock-runtime."+region+".amazonaws.com")}
	case env["CLAUDE_CODE_USE_VERTEX"] != "":
		return []string{cmp.Or(hostOf(env["ANTHROPIC_VERTEX_BASE_URL"]), vertex(env["CLOUD_ML_REGION"])), "oauth2.googleapis.com"}
	case env["CLAUDE_CODE_USE_FOUNDRY"] != "":
		return []string{cmp.Or(hostOf(env["ANTHROPIC_FOUNDRY_BASE_URL"]), env["ANTHROPIC_FOUNDRY_RESOURCE"]+".services.ai.azure.com")}
	case hostOf(env["ANTHROPIC_BASE_URL"]) != "":
		return []string{hostOf(env["ANTHROPIC_BASE_URL"])}
	}
	return []string{"api.anthropic.com", "platform.claude.com"}
}

// vertex is the server of a region, several regions, or all of them.
func vertex(region string) string {
	switch region {
	case "global", "":
		return "aiplatform.googleapis.com"
	case "us", "eu":
		return "aiplatform." + region + ".rep.googleapis.com"
	}
	return region + "-aiplatform.googleapis.com"
}

// hostOf is host and port of a URL, "" when it is none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	switch {
	case u.Port() != "":
		return u.Host
	case u.Scheme == "http":
		return u.Host + ":80"
	}
	return u.Host + ":443"
}
