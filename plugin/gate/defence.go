package gate

import (
	"math/big"
	"slices"
	"strings"

	"pm-todos/plugin/pattern"
)

// exclusionNames is what takes things out of a policy's reach.
var exclusionNames = []string{
	"resourcefilters", "excludegroups", "excludeusernames", "excluderoles", "excludeclusterroles", "excludenamespaces", "excludednamespaces", "exemptnamespaces",
	"exemptions", "exclusions", "skipnamespaces",
}

// doorNames is what stands between a service and whoever calls it, as parts of
// names: annotations of ingresses, mostly.
var doorNames = []string{"middleware", "authurl", "authsignin", "authtype", "authsecret", "authtls", "forwardauth", "whitelistsourcerange", "allowlistsourcerange", "oauth2"}

// collection stands for a mapping or a list that is new, in the place of a
// value.
var collection = map[string]any{}

// leafDefences judges one changed value by what it guards: policies, doors,
// budgets of disruption, how long data is kept.
func (w *watcher) leafDefences(name string, before, after any, fresh bool) {
	was, text := strings.ToLower(scalarText(before)), strings.ToLower(scalarText(after))
	is := func(names ...string) bool { return slices.Contains(names, name) }
	switch {
	case is("failurepolicy") && text == "ignore",
		is("validationfailureaction", "enforcementaction", "failureaction", "validationactions") && slices.Contains([]string{"audit", "warn", "dryrun"}, text),
		strings.Contains(name, "podsecuritykubernetesio") && !fresh,
		is("maxunavailable") && text == "100%", is("minavailable") && nothing(strings.TrimSuffix(text, "%")):
		w.report(CodeUnprotects, "a policy or a disruption budget no longer holds")
	case slices.Contains(exclusionNames, name):
		w.report(CodeAccess, "something is taken out of a policy's reach")
	case is("serviceaccount", "serviceaccountname") && (!fresh || strings.Contains(text, "admin")):
		w.report(CodeAccess, "a workload runs with the rights of another account")
	case is("externalips", "loadbalancerip", "externalname"),
		is("host", "hosts", "hostname", "hostnames", "domain", "domains") && text == "*",
		!fresh && slices.ContainsFunc(doorNames, func(door string) bool { return strings.Contains(name, door) }):
		w.report(CodeOpens, "what stands between a service and its callers changes")
	case is("action") && !fresh && slices.Contains([]string{"drop", "dropequal", "labeldrop"}, text):
		w.report(CodeSuspends, "data that is collected today would be dropped")
	case strings.Contains(name, "retention") && was != "" && !keepsLonger(was, text):
		w.report(CodeShrinks, "data would be kept for less time or in less space, which deletes the rest")
	}
}

var amount = pattern.Lazy(`^([0-9]{1,40}(?:\.[0-9]{1,40})?)\s*([a-z]*)$`)

// units is time in seconds and space in bytes: of one value both are never
// meant. "m" is minutes; nobody keeps data for milli-anything.
var units = map[string]float64{
	"": 1, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400,
	"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// keepsLonger tells whether an amount is at least another one. What cannot be
// read is not. Amounts are compared exactly: large ones differ by less than a
// float can tell.
func keepsLonger(before, after string) bool {
	old, okOld := readAmount(before)
	now, okNow := readAmount(after)
	return okOld && okNow && now.Cmp(old) >= 0
}

func readAmount(text string) (*big.Rat, bool) {
	found := amount().FindStringSubmatch(text)
	if found == nil {
		return nil, false
	}
	unit, known := units[found[2]]
	n, ok := new(big.Rat).SetString(found[1])
	if !known || !ok {
		return nil, false
	}
	return n.Mul(n, new(big.Rat).SetFloat64(unit)), true
}

// argumentOf takes a program's argument apart: --name=value.
func argumentOf(value any) (name, set string, ok bool) {
	text := scalarText(value)
	name, set, ok = strings.Cut(text, "=")
	return strings.TrimLeft(name, "-"), set, ok && strings.HasPrefix(text, "-") && !strings.ContainsAny(name, " \t")
}
