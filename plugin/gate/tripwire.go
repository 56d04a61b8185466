package gate

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"pm-todos/plugin/pattern"
)

// Names are compared without case, underscores, dashes and dots, so that
// host_network and hostNetwork are one.

// zeroNames is what must not become 0, anywhere.
var zeroNames = []string{
	"replicas", "replicacount", "desiredcount", "desiredcapacity", "desiredsize", "minsize", "maxsize", "mincapacity", "maxcapacity", "minreplicas", "maxreplicas",
	"minreplicacount", "maxreplicacount", "mincount", "maxcount", "instancecount", "nodecount", "numinstances", "numnodes", "parallelism", "targetsize", "tasks", "workers", "scale",
}

// zeroArguments is what must not become 0 as an argument of a resource; inside
// documents these names mean other things (the axis of a chart).
var zeroArguments = []string{"count", "min", "max", "desired", "instances", "capacity", "nodes", "servers", "size", "retention", "retentionindays", "retentiondays"}

// stopNames is what must not become true: it stops or silences something.
var stopNames = []string{
	"suspend", "suspended", "paused", "pause", "ispaused", "disabled", "disable", "silenced", "silence", "muted", "mute", "stopped", "hibernate", "maintenance", "maintenancemode",
	"drain", "cordoned", "unschedulable", "ignored",
}

// forceNames is what must not become true: it destroys to update.
var forceNames = []string{
	"force", "replace", "recreate", "recreatepods", "skipfinalsnapshot", "resetvalues", "cleanuponfail", "deleteonupdate", "replaceonupdate", "replaceonchange", "overwrite", "prune", "dangerously",
}

// privilegeNames is what must not become true: rights on the machine.
var privilegeNames = []string{
	"privileged", "allowprivilegeescalation", "hostnetwork", "hostpid", "hostipc", "hostprocess", "runasroot", "clusteradmin", "automountserviceaccounttoken", "rbaccreate",
}

// guardNames is what must not become false: it keeps things from harm.
var guardNames = []string{
	"deletionprotection", "terminationprotection", "preventdestroy", "enabledeletionprotection", "disableapitermination", "disableapistop", "runasnonroot", "readonlyrootfilesystem",
	"encrypted", "storageencrypted", "versioning", "backup", "backupenabled", "tls", "ssl", "sslmode", "requiressl", "enforcessl", "auth", "authentication", "authorization",
	"blockpublicacls", "blockpublicpolicy", "ignorepublicacls", "restrictpublicbuckets", "verifyssl", "tlsverify", "sslverify", "lock", "locked", "protected", "protect",
}

// openNames is what must not become true: it lets everybody in or checks
// nobody.
var openNames = []string{
	"public", "ispublic", "publiclyaccessible", "publicaccess", "publicnetworkaccess", "publicnetworkaccessenabled", "publicip", "associatepublicipaddress", "assignpublicip",
	"anonymous", "allowanonymous", "anonymousaccess", "anonymousauth", "insecure", "insecureskipverify", "insecureskiptlsverify", "skiptlsverify", "allowall", "allowblobpublicaccess",
	"endpointpublicaccess", "enablepublicendpoint", "allowinsecure", "disableauth", "authdisabled", "noauth",
}

// principalNames is what must not become everybody.
var principalNames = []string{"principal", "principals", "identifiers", "aws", "member", "members", "federated", "subjects", "allowedusers", "allowedgroups", "users", "groups"}

// rightNames is what must not become everything.
var rightNames = []string{"action", "actions", "verbs", "apigroups", "nonresourceurls", "permissions", "capabilities"}

// networkNames is where networks are listed.
var networkNames = []string{"cidr", "cidrs", "cidrblocks", "ipv6cidrblocks", "cidripv4", "cidripv6", "sourceranges", "sourcerange", "sourceaddressprefix", "loadbalancersourceranges", "acl", "visibility"}

// softwareNames is what names a program to run. A new value is new software.
var softwareNames = []string{"image", "chart", "repository", "registry", "imagerepository", "imageregistry", "imagename"}

func plainKey(key string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "").Replace(strings.ToLower(key))
}

// watches tells whether a value of that name is watched, so that it must be
// known. In something new only what opens or gives rights matters.
func watches(key string, fresh bool) bool {
	name := plainKey(key)
	lists := [][]string{privilegeNames, openNames, principalNames, rightNames, networkNames}
	if !fresh {
		lists = append(lists, zeroNames, zeroArguments, stopNames, guardNames, forceNames, softwareNames)
	}
	return slices.ContainsFunc(lists, func(list []string) bool { return slices.Contains(list, name) }) || !fresh && switchName(name)
}

// switchName tells whether a name is that of a switch: enabled, enable_x,
// x_enabled, create.
func switchName(name string) bool {
	return strings.HasPrefix(name, "enable") || strings.HasSuffix(name, "enabled") || name == "install" || name == "create" || name == "active"
}

func forceName(name string) bool {
	return slices.Contains(forceNames, name) || strings.HasPrefix(name, "force")
}

// leaf judges one value by its name. Fresh says that it is part of something
// new, which cannot stop what did not run; document that it is part of a text.
func (w *watcher) leaf(key string, before, after any, fresh, document bool) {
	name := plainKey(key)
	if !fresh {
		w.leafStops(name, before, after, document)
	}
	if truth(after) == yes && truth(before) != yes {
		switch {
		case forceName(name):
			w.report(CodeForces, "a flag that forces or recreates is new")
		case slices.Contains(privilegeNames, name):
			w.report(CodePrivileged, "a right on the machine or in the cluster is new")
		case slices.Contains(openNames, name):
			w.report(CodeOpens, "a flag that opens access or drops a check is new")
		}
	}
	if after == nil || sameScalar(before, after) {
		return
	}
	w.leafDefences(name, before, after, fresh)
	if argument, set, ok := argumentOf(after); ok {
		if old, was, ok := argumentOf(before); ok && old == argument {
			w.leaf(argument, was, set, fresh, document)
		}
	}
	text := strings.ToLower(scalarText(after))
	switch {
	case slices.Contains(principalNames, name) && (text == "*" || text == "system:anonymous" || text == "system:unauthenticated" || text == "system:masters"),
		text == "allusers", text == "allauthenticatedusers",
		name == "acl" && strings.HasPrefix(text, "public"), name == "visibility" && (text == "public" || text == "internal"),
		(name == "type" || name == "servicetype") && (text == "loadbalancer" || text == "nodeport"):
		w.report(CodeOpens, "access for everybody is new")
	case slices.Contains(rightNames, name) && (text == "*" || text == "all" || strings.HasSuffix(text, ":*")),
		name == "resources" && text == "*", (name == "add" || name == "capabilities") && (strings.HasPrefix(text, "sys_") || strings.HasPrefix(text, "cap_") || text == "net_admin"):
		w.report(CodeAccess, "rights to everything are new")
	case name == "kind" && slices.Contains(accessObjects, text):
		w.report(CodeAccess, "an object that decides who may do what is new")
	case name == "hostpath" || name == "runasuser" && text == "0":
		w.report(CodePrivileged, "access to the machine is new")
	case slices.Contains(softwareNames, name) && !w.optedIn && imageName(scalarText(before)) != imageName(text):
		w.report(CodeSoftware, "software from another place is left to people unless allow_resources names the resource")
	}
	if document && wideNetworks(text) > wideNetworks(scalarText(before)) {
		w.report(CodeOpens, "a network that is open to everybody is new")
	}
}

// leafStops judges what would stop, silence or unprotect something that runs.
func (w *watcher) leafStops(name string, before, after any, document bool) {
	counted := slices.Contains(zeroNames, name) || !document && slices.Contains(zeroArguments, name)
	if counted && nothing(after) && !nothing(before) {
		w.report(CodeZero, "a count or capacity becomes zero")
	}
	if truth(after) == yes && truth(before) != yes && (slices.Contains(stopNames, name) || strings.HasPrefix(name, "disable") && !slices.Contains(guardNames, name)) {
		w.report(CodeSuspends, "a flag that stops or silences something is new")
	}
	if truth(after) == no && truth(before) != no {
		if slices.Contains(guardNames, name) {
			w.report(CodeUnprotects, "a protection is switched off")
		} else if switchName(name) {
			w.report(CodeSwitchesOff, "something is switched off")
		}
	}
}

// The answers of truth.
const (
	neither = iota
	yes
	no
)

// truth reads a scalar as a switch, as YAML 1.1 and Helm do.
func truth(value any) int {
	switch strings.ToLower(scalarText(value)) {
	case "true", "yes", "on", "y":
		return yes
	case "false", "no", "off", "n":
		return no
	}
	return neither
}

// nothing tells whether a scalar is the number 0 or less.
func nothing(value any) bool {
	text := strings.ReplaceAll(scalarText(value), "_", "")
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return n <= 0
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && f < 1
}

func scalarText(value any) string {
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

func sameScalar(before, after any) bool {
	return before != nil && scalarText(before) == scalarText(after)
}

// imageName is an image's name without tag and digest.
func imageName(image string) string {
	image, _, _ = strings.Cut(strings.ToLower(image), "@")
	if at := strings.LastIndexByte(image, ':'); at > strings.LastIndexByte(image, '/') {
		image = image[:at]
	}
	return image
}

// network matches what may be a network in CIDR notation.
var network = pattern.Lazy(`[0-9a-fA-F:.]*[:.][0-9a-fA-F:.]*/[0-9]{1,3}`)

// wideNetworks counts the networks in a text that are open to (almost)
// everybody: larger than any private network.
func wideNetworks(text string) int {
	n := 0
	for _, found := range network().FindAllString(text, -1) {
		address, size, _ := strings.Cut(found, "/")
		bits, err := strconv.Atoi(size)
		if err != nil {
			continue
		}
		addr, err := netip.ParseAddr(address)
		if err != nil {
			// Some tools take 0/0, 0.0/0 or leading zeros; an address of nothing
			// but zeros is everybody however it is written.
			if bits == 0 && strings.Trim(address, "0.:") == "" {
				n++
			}
			continue
		}
		if addr.Is4() && bits < 8 || addr.Is6() && bits < 16 {
			n++
		}
	}
	return n
}
