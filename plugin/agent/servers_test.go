package agent_test

import (
	"slices"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent"
)

func TestServersOfAModelFollowTheAccount(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"a login", nil, []string{"api.anthropic.com", "platform.claude.com"}},
		{"a gateway", map[string]string{"ANTHROPIC_BASE_URL": "https://llm.example.com/v1"}, []string{"llm.example.com:443"}},
		{"a gateway on the host", map[string]string{"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"}, []string{"127.0.0.1:4000"}},
		{"plain http", map[string]string{"ANTHROPIC_BASE_URL": "http://llm"}, []string{"llm:80"}},
		{"IPv6", map[string]string{"ANTHROPIC_BASE_URL": "http://[fd00::1]:4000"}, []string{"[fd00::1]:4000"}},
		{"no URL", map[string]string{"ANTHROPIC_BASE_URL": "llm"}, []string{"api.anthropic.com", "platform.claude.com"}},
		{"Bedrock", map[string]string{"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": "eu-west-1", "ANTHROPIC_BASE_URL": "https://x"}, []string{"bedrock-runtime.eu-west-1.amazonaws.com"}},
		{"Bedrock behind a gateway", map[string]string{"CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_BEDROCK_BASE_URL": "https://llm/bedrock"}, []string{"llm:443"}},
		{"Vertex", map[string]string{"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "us-east5"}, []string{"us-east5-aiplatform.googleapis.com", "oauth2.googleapis.com"}},
		{"Vertex everywhere", map[string]string{"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "global"}, []string{"aiplatform.googleapis.com", "oauth2.googleapis.com"}},
		{"Vertex in Europe", map[string]string{"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": "eu"}, []string{"aiplatform.eu.rep.googleapis.com", "oauth2.googleapis.com"}},
		{"Foundry", map[string]string{"CLAUDE_CODE_USE_FOUNDRY": "1", "ANTHROPIC_FOUNDRY_RESOURCE": "ours"}, []string{"ours.services.ai.azure.com"}},
	} {
		if got := agent.KindOf("claude", "").Servers("", c.env); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
