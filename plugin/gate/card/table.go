package card

// role is what a resource type is for, as far as a card lets it be made or
// tuned.
type role string

const (
	alarm     role = "alert"     // fires by itself
	monitor   role = "monitor"   // checks something, or counts it
	dashboard role = "dashboard" // shows something
)

// resourceType is what is known about one type of resource. What does not stand
// here is not proved: there is no matching by parts of names.
type resourceType struct {
	role      role
	name      []string            // keys that name it, the first that is there counts
	prose     []string            // texts for people
	threshold []string            // numbers that it is compared with, wherever below these keys
	direction string              // key of the comparison, whose value says which way is quieter
	wait      []string            // how long it must hold: more is quieter
	window    []string            // what it looks back on: never shorter
	seconds   []string            // which of these numbers are lengths of time
	samples   []string            // how many must be bad, at most as many as are looked at (wait)
	targets   []string            // who is told: lists, blocks and identifiers
	topics    bool                // who is told is a topic of SNS; what else may stand there acts
	handles   []string            // texts in which @handles say who is told
	louder    map[string][]string // keys with values, from quiet to loud: only the next ones may be taken
	create    []string            // further keys that a new one may have
	demand    map[string][]string // keys of a new one that may only have these values
	inside    map[string][]string // keys of blocks of a new one
	query     []string            // texts in a query language, in which stated numbers may move
	document  []string            // texts that are JSON documents of what is shown
	tags      []string            // maps of tags
}

// types are the resource types that cards know, by exact name. The keys are
// those of the providers' documentation at registry.terraform.io.
var types = withUptimeKuma(map[string]resourceType{
	"aws_cloudwatch_metric_alarm": {
		role: alarm, name: []string{"alarm_name"}, prose: []string{"alarm_description"},
		threshold: []string{"threshold"}, direction: "comparison_operator",
		wait: []string{"evaluation_periods"}, window: []string{"period"}, seconds: []string{"period"}, samples: []string{"datapoints_to_alarm"},
		targets: []string{"alarm_actions", "ok_actions", "insufficient_data_actions"}, topics: true,
		louder: map[string][]string{
			"treat_missing_data": {"breaching"}, "actions_enabled": {"false", "true"},
		},
		create: []string{
			"comparison_operator", "metric_name", "namespace", "statistic", "extended_statistic", "dimensions", "unit", "metric_query",
			"treat_missing_data", "actions_enabled", "datapoints_to_alarm",
		},
		demand: map[string][]string{"actions_enabled": {"true"}},
		tags:   []string{"tags"},
	},
	"google_monitoring_alert_policy": {
		role: alarm, name: []string{"display_name"}, prose: []string{"documentation"},
		threshold: []string{"threshold_value"}, direction: "comparison", wait: []string{"duration"}, window: []string{"alignment_period"},
		louder: map[string][]string{"enabled": {"false", "true"}, "severity": {"WARNING", "ERROR", "CRITICAL"}},
		create: []string{"combiner", "conditions", "enabled", "severity", "project"},
		demand: map[string][]string{"enabled": {"true"}},
		query:  []string{"filter", "query"}, targets: []string{"notification_channels"}, tags: []string{"user_labels"},
	},
	"azurerm_monitor_metric_alert": {
		role: alarm, name: []string{"name"}, prose: []string{"description"}, threshold: []string{"threshold"}, direction: "operator",
		window:  []string{"window_size", "frequency"},
		louder:  map[string][]string{"enabled": {"false", "true"}, "severity": {"4", "3", "2", "1", "0"}},
		create:  []string{"resource_group_name", "scopes", "criteria", "severity", "enabled", "auto_mitigate", "target_resource_type", "target_resource_location"},
		targets: []string{"action"},
		demand:  map[string][]string{"enabled": {"true"}},
		tags:    []string{"tags"},
	},
	"datadog_monitor": {
		role: alarm, name: []string{"name"}, threshold: []string{"monitor_thresholds"}, query: []string{"query"},
		wait: []string{"new_group_delay", "evaluation_delay"}, window: []string{"no_data_timeframe"},
		seconds: []string{"new_group_delay", "evaluation_delay"}, handles: []string{"message", "escalation_message"},
		louder: map[string][]string{"notify_no_data": {"false", "true"}, "priority": {"5", "4", "3", "2", "1"}},
		create: []string{
			"type", "priority", "notify_no_data", "require_full_window", "include_tags", "renotify_interval",
			"timeout_h", "notify_audit", "on_missing_data", "tags", // by tags it mutes
		},
	},
	"newrelic_nrql_alert_condition": {
		role: alarm, name: []string{"name"}, prose: []string{"description", "title_template"}, threshold: []string{"threshold"}, direction: "operator",
		wait: []string{"threshold_duration", "aggregation_delay"}, window: []string{"aggregation_window"}, seconds: []string{"threshold_duration", "aggregation_delay", "aggregation_window"},
		query: []string{"query"}, targets: []string{"policy_id"},
		louder: map[string][]string{"enabled": {"false", "true"}},
		create: []string{
			"account_id", "type", "enabled", "runbook_url", "nrql", "critical", "warning", "violation_time_limit_seconds",
			"fill_option", "aggregation_method", "aggregation_timer", "expiration_duration", "open_violation_on_expiration", "close_violations_on_expiration",
		},
		demand: map[string][]string{"enabled": {"true"}},
	},
	"honeycombio_trigger": {
		role: alarm, name: []string{"name"}, prose: []string{"description"}, threshold: []string{"threshold"}, direction: "op", window: []string{"frequency"}, seconds: []string{"frequency"},
		louder:  map[string][]string{"disabled": {"true", "false"}},
		create:  []string{"dataset", "query_id", "query_json", "alert_type", "disabled"},
		targets: []string{"recipient"},
		demand:  map[string][]string{"disabled": {"false"}},
	},
	"aws_cloudwatch_log_metric_filter": {
		role: monitor, name: []string{"name"},
		create: []string{"log_group_name", "pattern", "metric_transformation"},
	},
	"aws_route53_health_check": {
		role: monitor, name: []string{"reference_name"}, threshold: []string{"failure_threshold"},
		create: []string{"type", "fqdn", "port", "resource_path", "request_interval", "measure_latency", "enable_sni", "ip_address", "search_string", "disabled", "invert_healthcheck"},
		demand: map[string][]string{"disabled": {"false"}, "invert_healthcheck": {"false"}}, tags: []string{"tags"},
	},
	"google_monitoring_uptime_check_config": {
		role: monitor, name: []string{"display_name"}, wait: []string{"timeout"}, window: []string{"period"},
		create: []string{"monitored_resource", "resource_group", "selected_regions", "checker_type", "project", "content_matchers"},
		inside: map[string][]string{
			"http_check": {"path", "port", "use_ssl", "validate_ssl", "request_method", "accepted_response_status_codes"}, "tcp_check": {"port"},
		},
		tags: []string{"user_labels"},
	},
	"datadog_synthetics_test": {
		role: monitor, name: []string{"name"},
		create:  []string{"type", "subtype", "status", "locations", "assertion", "options_list"},
		handles: []string{"message"},
		inside: map[string][]string{
			"request_definition": {"method", "url", "timeout", "host", "port", "dns_server", "dns_server_port", "number_of_packets", "should_track_hops", "servername"},
		},
		demand: map[string][]string{"type": {"api"}, "subtype": {"http", "ssl", "tcp", "dns", "icmp"}, "status": {"live"}}, tags: []string{"tags"},
	},
	"newrelic_synthetics_monitor": {
		role: monitor, name: []string{"name"},
		create: []string{"type", "status", "period", "uri", "locations_public", "verify_ssl", "account_id", "validation_string"},
		demand: map[string][]string{"type": {"SIMPLE"}, "status": {"ENABLED"}},
	},
	"betteruptime_monitor": {
		role: monitor, name: []string{"pronounceable_name", "url"},
		create: []string{
			"url", "monitor_type", "check_frequency", "request_timeout", "confirmation_period", "recovery_period", "regions", "port",
			"verify_ssl", "follow_redirects", "expected_status_codes", "http_method", "ssl_expiration", "domain_expiration", "paused",
		},
		targets: []string{"policy_id", "email", "call", "sms", "push"},
		demand:  map[string][]string{"paused": {"false"}},
	},
	"statuscake_uptime_check": {
		role: monitor, name: []string{"name"}, wait: []string{"trigger_rate", "confirmation"},
		create:  []string{"check_interval", "icmp_check", "monitored_resource", "regions", "paused"},
		targets: []string{"contact_groups"},
		inside: map[string][]string{
			"http_check": {"timeout", "validate_ssl", "follow_redirects", "request_method", "status_codes", "user_agent", "content_matchers", "enable_cookies"},
			"tcp_check":  {"port", "protocol", "timeout"}, "dns_check": {"dns_ips", "dns_server"},
		},
		demand: map[string][]string{"paused": {"false"}},
	},
	"grafana_dashboard": {
		role: dashboard, document: []string{"config_json"}, create: []string{"folder", "org_id", "overwrite", "message"},
		demand: map[string][]string{"overwrite": {"false"}},
	},
	"aws_cloudwatch_dashboard": {role: dashboard, name: []string{"dashboard_name"}, document: []string{"dashboard_body"}},
	"google_monitoring_dashboard": {
		role: dashboard, document: []string{"dashboard_json"}, create: []string{"project"},
	},
	"datadog_dashboard_json":      {role: dashboard, document: []string{"dashboard"}},
	"newrelic_one_dashboard_json": {role: dashboard, document: []string{"json"}, create: []string{"account_id"}},
	"aws_cloudwatch_query_definition": {
		role: dashboard, name: []string{"name"}, create: []string{"query_string", "log_group_names"},
	},
})

// withUptimeKuma adds the monitors of Uptime Kuma, which have the same arguments.
func withUptimeKuma(table map[string]resourceType) map[string]resourceType {
	uptimeKuma := resourceType{
		role: monitor, name: []string{"name"}, prose: []string{"description"}, wait: []string{"max_retries", "retry_interval", "timeout"}, window: []string{"interval"},
		seconds: []string{"retry_interval", "timeout", "interval"}, targets: []string{"notification_ids"},
		louder: map[string][]string{"active": {"false", "true"}},
		create: []string{
			"url", "hostname", "port", "interval", "retry_interval", "max_retries", "timeout", "active", "parent", "resend_interval", "method",
			"expiry_notification", "max_redirects", "accepted_status_codes", "ignore_tls", "packet_size", "dns_resolve_server", "dns_resolve_type", "keyword", "invert_keyword",
			"upside_down",
		},
		demand: map[string][]string{"active": {"true"}, "ignore_tls": {"false"}, "upside_down": {"false"}},
		tags:   []string{"tags"},
	}
	for _, kind := range []string{"http", "http_keyword", "keyword", "ping", "port", "tcp_port", "dns"} {
		table["uptimekuma_monitor_"+kind] = uptimeKuma
	}
	return table
}

// manifests are the kinds of Kubernetes objects that hold only rules or checks,
// as kubernetes_manifest, kubectl_manifest and documents in values hold them.
var manifests = map[string]role{
	"PrometheusRule": alarm, "VMRule": alarm,
	"ServiceMonitor": monitor, "PodMonitor": monitor, "Probe": monitor,
}

// manifestAttributes are the attributes that hold a whole Kubernetes object, by
// resource type, and manifestMirrors those that only tell of it.
var (
	manifestAttributes = map[string]string{
		"kubernetes_manifest": "manifest",
		"kubectl_manifest":    "yaml_body",
	}
	manifestMirrors = []string{
		"api_version", "id", "kind", "live_manifest_incluster", "live_uid", "name", "namespace", "uid", "yaml_body_parsed", "yaml_incluster",
		"validate_schema", "wait", "wait_for_rollout", "timeouts",
	}
)
