package postmortem

import "strings"

// Words of changes of configuration that a person should look at.
var (
	looseWords = set("deny|networkpolicy|networkpolicies|firewall|iptables|nftables|acl|acls|rbac|iam|sudoers|reclaimpolicy|raid|grub|kernel|bios|firmware|cni|mtu|" +
		"provider|providers|prevent_destroy|skip_final_snapshot|anonymous|insecure|privileged|cluster-admin|publicly|bypass|unauthenticated|root|sudo|superuser|wildcard|hostpath|hostnetwork|" +
		"lifecycle|engine|nodeport|loadbalancer|externalip|externalips|hostport|allowlist|allow-list|whitelist|blocklist|storageclass|storageclassname|admin|maintenance|sys_admin|net_admin|capability|capabilities|cors|issuer|" +
		"volumeclaimtemplates|accessmode|accessmodes|selector|selectors|finalizer|finalizers|taint|taints|noexecute|cidr|subnet|subnets|ip|ips|domain|state|admins|failover|pending|force_destroy|public-read|public-read-write")
	sizeVerbs   = set("increase|expand|extend|grow|enlarge|shrink|reduce|decrease|double|set|change|adjust")
	sizeNouns   = set("pvc|pvcs|pv|pvs|volume|volumes|disk|disks|partition|filesystem|lvm|storage")
	versionWord = set("version|versions|latest|image|images|digest")
	offWords    = set("off|false|disabled|none|never|no")
	fewerVerbs  = set("reduce|lower|decrease|cut|halve|shorten|shrink")
	keptNouns   = set("retention|history|backup|backups|snapshot|snapshots|storage|memory|cpu|replica|replicas|scale|instances")
	countNouns  = set("replica|replicas|scale|replication|instances")
)

// risksConfig reports whether a change of configuration is of the kind that a
// person should look at although no verb of it destroys: it scales something
// to nothing or to a single one, keeps less than before, turns something off,
// changes a version or the size of a volume, or loosens protection.
func risksConfig(all []actionWord) bool {
	if len(all) == 0 {
		return false
	}
	lead := all[0].text
	if lead == "open" || lead == "allow" || objectDestroys(all) || movesTarget(all) || keepsOther(all) || takesRisk(all) {
		return true
	}
	var noun, size, count, none, kept, settings bool
	for i, w := range all {
		pulled := w.text == "image" && i+1 < len(all) && all[i+1].text == "pull"
		if looseWords[w.text] || w.text == "public" && opens(all, i) || offWords[w.text] && turns(all, i) || versionWord[w.text] && !pulled || losesData(w.text) ||
			loosens(w.text) || zero(all, i) {
			return true
		}
		count = count || countNouns[w.text]
		none = none || w.text == "0" || w.text == "zero" || w.aim && (w.text == "1" || w.text == "one")
		size = size || w.text == "size" || w.text == "capacity"
		noun = noun || sizeNouns[w.text]
		kept = kept || keptNouns[w.text]
		settings = settings || nouns[w.text] == Config
	}
	if count && none || fewerVerbs[lead] && kept || sizeVerbs[lead] && noun && (size || !settings) {
		return true
	}
	return !settings && (lead == "update" || lead == "set" || lead == "pin") && toVersion(all)
}

// opens reports whether the word public at i says what something becomes, not
// which of them it is: "make the bucket public", not "the public API".
func opens(all []actionWord, i int) bool {
	return all[i].aim || i+1 == len(all) || contains("access read write acl ip", all[i+1].text)
}

// turns reports whether the word off at i is what something is set to: "set the
// schedule to off", not "stays off node3".
func turns(all []actionWord, i int) bool { return all[i].aim || i+1 == len(all) }

// loosens reports whether a compound word, such as an option, loosens protection,
// or is an address or range of addresses.
func loosens(word string) bool {
	if strings.Count(word, ".") == 3 && strings.Trim(word, "0123456789./") == "" {
		return true
	}
	if !strings.ContainsAny(word, "-_") {
		return false
	}
	for part := range strings.FieldsFuncSeq(word, hyphened) {
		switch part {
		case "insecure", "unsafe", "dangerous", "dangerously", "skip", "bypass", "privileged", "force", "anonymous":
			return true
		}
	}
	return false
}

// zero reports whether the word at i is nothing at all as the new value of a
// setting, or everything where a part was allowed to be unavailable.
func zero(all []actionWord, i int) bool {
	switch all[i].text {
	case "0", "0s", "0m", "zero":
		return i > 0 && all[i-1].text != "from"
	case "maxunavailable":
		return i+1 < len(all) && all[len(all)-1].text == "100"
	}
	return false
}

// object is how many words the object of an action has, its verb included: all
// up to "for", "of" and the like.
func object(all []actionWord) int {
	for i, w := range all {
		if i > 0 && (i > near || w.aim || after[w.text]) {
			return i
		}
	}
	return len(all)
}

// startVerbs begin what was not there before.
var startVerbs = forms("enable|add adding|schedule|introduce|activate|implement|set setting|configure|create|apply|turn|use|deploy|install")

// objectDestroys reports whether the thing that is added or turned on destroys:
// "Enable automatic upgrades".
func objectDestroys(all []actionWord) bool {
	if _, starts := startVerbs[all[0].text]; !starts {
		return false
	}
	end := object(all)
	for i := 1; i < end; i++ {
		if !destroys(all, i, false) || asNoun(all, i) || all[i-1].text == "log" {
			continue
		}
		if i+1 < end && (nouns[all[i+1].text] == Config || settingWords[all[i+1].text]) {
			continue // the backoff of restarts
		}
		return true
	}
	return false
}

// targets are things of which another one is another place.
var targets = set("namespace|record|records|cname|endpoint|endpoints|url|upstream|backend|hostname|host|bucket|server|servers|master|primary|leader")

// movesTarget reports whether a change makes something go elsewhere: "Set the
// namespace of the shop", "Change the DNS record to the new host".
func movesTarget(all []actionWord) bool {
	switch all[0].text {
	case "set", "change", "point", "update", "use", "adjust", "make":
	default:
		return false
	}
	last := object(all) - 1
	return last > 0 && targets[all[last].text]
}

// riskyVerbs free, loosen or give away something when a change or a step of it
// is led by them.
var riskyVerbs = forms("unset unsetting|lift|clear|empty|free|reclaim|relax|loosen|expire|archive|vacuum|compact|invalidate|suspend|pause|strip|" +
	"withdraw|redirect|reroute|overwrite|preempt|scrub|trim|shed shedding")

// takesRisk reports whether a step of a change is led by such a verb.
func takesRisk(all []actionWord) bool {
	for i, w := range all {
		if _, known := riskyVerbs[w.text]; known && (i == 0 || w.joined || w.aim) && !asNoun(all, i) {
			return true
		}
	}
	return false
}

// moreVerbs keep more than before.
var moreVerbs = forms("increase|raise|extend|lengthen|double|grow|keep")

// keepsOther reports whether a change says how much data is kept, without saying
// that it is more than before.
func keepsOther(all []actionWord) bool {
	if _, more := moreVerbs[all[0].text]; more {
		return false
	}
	end := object(all)
	for i := 1; i < end; i++ {
		switch all[i].text {
		case "retention", "history", "expiration", "expiry", "snapshots", "backups":
			return nouns[all[end-1].text] != "other"
		}
	}
	return false
}

// benign are settings that are safe to add or adjust, besides those that a type
// is inferred from.
var benign = set("collector|collectors|exporter|exporters|metric|metrics|logging|log|logs|cache|buffer|buffers|retry|retries|delay|grace|pool|workers|threads|" +
	"connections|hook|hooks|rate|heartbeat|dashboard|dashboards|jitter|batch|queue|replica|compression|gzip|readiness|liveness|priority|eviction|" +
	"swappiness|rotation|level|resources|period|sampling|shards|timeo|retrans|scrape|trace|tracing|spread")

// namesSetting reports whether a change names a setting: a known word, a key such
// as failureThreshold or dirty_ratio, or anything in a code span.
func namesSetting(action string, all []actionWord) bool {
	if strings.IndexByte(action, '`') >= 0 || strings.IndexByte(action, '=') >= 0 {
		return true
	}
	for _, w := range all {
		if benign[w.text] {
			return true
		}
	}
	if namesKnown(all) {
		return true
	}
	for word := range strings.FieldsSeq(action) {
		if isKey(word) {
			return true
		}
	}
	return false
}

// namesKnown reports whether a word of a change is known to be a setting.
func namesKnown(all []actionWord) bool {
	for i, w := range all {
		if nouns[w.text] == Config || settingWords[w.text] || isProbe(all, i) || isMountOption(all, i) {
			return true
		}
	}
	return false
}

// isKey reports whether a word is written as the key of a setting.
func isKey(word string) bool {
	for i := 1; i+1 < len(word); i++ {
		if word[i] == '_' || isCapital(word[i]) && word[i-1] >= 'a' && word[i-1] <= 'z' {
			return true
		}
	}
	return false
}

func isCapital(b byte) bool { return b >= 'A' && b <= 'Z' }

// riskyParts are parts of keys that loosen protection, or move or lose data.
var riskyParts = set("privilege|privileged|escalation|token|secret|password|zone|az|retention|storage|volume|volumes|deletion|delete|protection|encryption|" +
	"encrypted|encrypt|public|root|skip|force|insecure|unsafe|engine|version|snapshot|destroy|reclaim|admin|anonymous|capabilities|auth|tls|ssl|verify|acl|rbac|" +
	"purge|prune|wipe|erase|final|owner|policy|recreate")

// riskyKey reports whether a change names a key that has such a part, in a code
// span too.
func riskyKey(action string) bool {
	for word := range strings.FieldsFuncSeq(action, func(r rune) bool { return r != '_' && (r >= 0x80 || !isWord(byte(r))) }) {
		if !isKey(word) {
			continue
		}
		start := 0
		for i := 1; i <= len(word); i++ {
			if i < len(word) && word[i] != '_' && (!isCapital(word[i]) || isCapital(word[i-1])) {
				continue
			}
			if riskyParts[lower(strings.Trim(word[start:i], "_"))] {
				return true
			}
			start = i
		}
	}
	return false
}
