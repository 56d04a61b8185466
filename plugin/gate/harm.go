package gate

import (
	"slices"
	"strings"

	"pm-todos/plugin/pattern"
)

// accessKinds matches resource types that decide who may do what. They are
// left to people whatever the change is.
var accessKinds = pattern.Lazy(`(^|_)iam(_|$)|(^|_)rbac(_|$)|^kubernetes_(cluster_)?role|role_(assignment|definition|binding|attachment|policy)|service_?account|service_principal|` +
	`access_(key|policy|entry|token|rule|grant|list|control)|api_(key|token)|deploy_key|deploy_token|_grants?$|_permissions?$|_member(ship)?s?$|_acls?$|_collaborators?$|` +
	`^(vault|authentik|keycloak|okta|auth0|kanidm|zitadel|ory|boundary|teleport)_|^(postgresql|mysql|mongodbatlas|rabbitmq|redshift|snowflake)_(role|user|database_user|default_privileges|grant|account)|` +
	`(bucket|queue|topic|repository|key|secret|function|registry|domain|vault)_policy$|organization(s)?_|_public_access|network_policy|^kyverno|webhook_configuration|pod_security|certificate_signing_request|` +
	`firewall|security_group|_ssh_key$|_key_pair$|_user$|_users$`)

// accessObjects is the Kubernetes kinds that decide who may do what.
var accessObjects = []string{
	"role", "clusterrole", "rolebinding", "clusterrolebinding", "serviceaccount", "networkpolicy", "ciliumnetworkpolicy", "clusterpolicy", "policy", "policyexception",
	"validatingwebhookconfiguration", "mutatingwebhookconfiguration", "validatingadmissionpolicy", "validatingadmissionpolicybinding", "podsecuritypolicy",
	"certificatesigningrequest", "customresourcedefinition", "apiservice", "namespace", "authorizationpolicy", "peerauthentication",
}

// harm judges what a creation or an update of one resource would do, beyond
// its verb.
func (j *judgement) harm(r resource) {
	if accessKinds().MatchString(r.kind) {
		j.add(CodeAccess, r.address, "resources of this type decide who may do what; they are left to people")
	}
	if runsAtApply().MatchString(r.kind) {
		j.add(CodeCodeAtApply, r.address, "resources of this type run programs or write files on the Terraform host")
	}
	d, known := j.config.of(r)
	if r.is("create") && d.provisioned {
		j.add(CodeCodeAtApply, r.address, "the resource has provisioners, which would run when it is created")
	}
	w := watcher{judgement: j, resource: r, declared: d, known: known, optedIn: len(j.policy.AllowResources) > 0 && allowed(r, j.policy.AllowResources)}
	if r.is("create") && r.kind == "helm_release" && !w.optedIn {
		j.add(CodeSoftware, r.address, "a new Helm release installs software; it is left to people unless allow_resources names it")
	}
	before, _ := r.before.(map[string]any)
	after, ok := r.after.(map[string]any)
	if !ok {
		j.add(CodeOutput, r.address, "the value after the change is no object")
		return
	}
	unknown, _ := r.unknown.(map[string]any)
	w.alarmResource(before, after)
	for _, attribute := range keysOf(before, after, unknown) {
		w.attribute = attribute
		w.walk(attribute, before[attribute], after[attribute], unknown[attribute])
	}
}

func keysOf(objects ...map[string]any) []string {
	seen := map[string]bool{}
	var keys []string
	for _, object := range objects {
		for key := range object {
			if !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// watcher walks through the values of one resource, before and after.
type watcher struct {
	*judgement
	resource  resource
	declared  declared
	known     bool   // the plan says what is declared
	optedIn   bool   // allow_resources names the resource
	attribute string // top-level attribute that is being walked through
}

var identifier = pattern.Lazy(`^[a-z][a-z0-9_]{0,63}$`)

// report adds a finding about the attribute. Keys inside it are not named:
// they may come from the plan's values.
func (w *watcher) report(code, detail string) {
	place := w.attribute
	if !identifier().MatchString(place) {
		place = "an attribute"
	}
	w.add(code, w.resource.address, place+": "+detail)
}

// walk compares one value. An unknown value is not lost; yet where the
// configuration sets it, nobody can say that nothing in it is lost.
func (w *watcher) walk(key string, before, after, unknown any) {
	if unknown == true && after == nil {
		w.unknownValue(key, before)
		return
	}
	if empty(before) && !empty(after) && lost(after) {
		w.leaf(key, nil, collection, w.resource.is("create"), false)
	}
	switch now := after.(type) {
	case map[string]any:
		w.object(before, now, unknown)
	case []any:
		w.array(key, before, now, unknown)
	case string:
		old, _ := before.(string)
		w.text(key, old, now, before == nil)
	case nil:
		// Parts of an unknown collection show as null beside a deep unknown.
		if lost(before) && empty(unknown) {
			w.report(CodeVanishes, lostValue)
		}
	default:
		if lost(before) {
			w.report(CodeVanishes, lostEntry)
		}
		w.leaf(key, before, after, w.resource.is("create"), false)
	}
}

// lost tells whether a value would be missed: a collection that holds
// something, or a document.
func lost(value any) bool {
	switch v := value.(type) {
	case string:
		kind, _ := kindOfText(v)
		return kind != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		for _, inner := range v {
			if !empty(inner) {
				return true
			}
		}
	}
	return false
}

func (w *watcher) unknownValue(key string, before any) {
	if w.known && !w.declared.arguments[w.attribute] {
		return // computed by the provider, such as a Helm release's metadata
	}
	if lost(before) {
		w.report(CodeUnknown, "the configuration sets it, and what it will be is known only after the apply, so that nobody can say that nothing in it is lost")
	} else if watches(key, w.resource.is("create")) {
		w.report(CodeUnknown, "a watched value would be known only after the apply")
	}
}

func (w *watcher) object(before any, after map[string]any, unknown any) {
	old, ok := before.(map[string]any)
	if !ok && !empty(before) {
		w.report(CodeVanishes, lostEntry)
	}
	deep, _ := unknown.(map[string]any)
	for key, value := range old {
		if _, there := after[key]; !there && !empty(value) && empty(deep[key]) {
			w.report(CodeVanishes, lostEntry)
		}
	}
	for _, key := range keysOf(after, deep) {
		w.walk(key, old[key], after[key], deep[key])
	}
	if !w.resource.is("create") {
		w.alarms(alarmsIn(old, after))
	}
	if name, value, ok := setting(after); ok {
		_, was, _ := setting(old)
		w.leaf(name, was, value, w.resource.is("create"), true)
		if plainKey(name) == "receiver" && !sameScalar(was, value) {
			w.alarms([]alarm{{scalarText(value), name, scalarText(was), scalarText(value)}})
		}
	}
}

func (w *watcher) array(key string, before any, after []any, unknown any) {
	old, ok := before.([]any)
	if !ok && !empty(before) {
		w.report(CodeVanishes, lostEntry)
	}
	deep, _ := unknown.([]any)
	spare := 0 // elements of which nothing is known yet: each may be one that is missed
	for _, u := range deep {
		if u == true {
			spare++
		}
	}
	for _, p := range pairs(old, after) {
		switch {
		case p.gone && spare > 0 && !lost(p.before):
			spare--
		case p.gone:
			w.report(CodeVanishes, lostEntry)
		default:
			var u any
			if p.index < len(deep) {
				u = deep[p.index]
			}
			w.walk(key, p.before, p.after, u)
		}
	}
}

// text compares two texts, and the documents in them.
func (w *watcher) text(key, before, after string, absent bool) {
	var was any = before
	if absent {
		was = nil
	}
	w.leaf(key, was, after, w.resource.is("create"), false)
	if before != "" && after == "" && !slices.Contains(telling, plainKey(key)) {
		w.report(CodeVanishes, lostValue)
	}
	if wideNetworks(after) > wideNetworks(before) {
		w.report(CodeOpens, "a network that is open to everybody is new")
	}
	change := compareTexts(before, after)
	for _, l := range change.losses {
		w.report(CodeVanishes, "in the document, "+l.what)
	}
	fresh := strings.TrimSpace(before) == ""
	for _, l := range change.leaves {
		w.leaf(l.key, l.before, l.after, fresh, true)
	}
	if !fresh {
		w.alarms(change.alarms)
	}
}
