package postmortem

import (
	"slices"
	"strings"
)

// tools are programs that change what runs when a verb of destruction follows.
var tools = set("kubectl|oc|terraform|tofu|terragrunt|helm|helmfile|systemctl|docker|podman|crictl|ctr|nerdctl|aws|gcloud|gsutil|az|" +
	"etcdctl|vault|argocd|flux|velero|restic|zfs|zpool|lvm|virsh|qm|pct|pm2|supervisorctl|psql|mysql|redis-cli|mc|rclone|talosctl|kubeadm|consul|nomad|ansible")

// bareCommands destroy by themselves when they begin a code span with an
// argument, or are told to be run.
var bareCommands = set("rm|dd|mkfs|shred|wipefs|killall|pkill|reboot|shutdown|poweroff|halt|lvremove|vgremove|pvremove|umount|truncate")

var (
	// runners tell to run what follows.
	runners = set("run|execute|exec|do|use|issue|type|call|invoke|try|apply")
	// told stand before a command that is only told of: "somebody ran kubectl
	// delete", "the kubectl drain took an hour".
	told = set("ran|executed|issued|typed|did|the|a|an|this|that|his|her|their|our|every|each|accidental|during|no")
)

// commandReach is how many words behind a tool its verb may stand.
const commandReach = 8

var tokenSigns = strings.NewReplacer("`", " ` ", ";", " ; ", ",", " , ", "|", " | ", "(", " ( ", ")", " ) ", "=", " ", "[", " ", "]", " ",
	"→", " to ", "->", " to ")

// tokens are the words of a text in lower case with the signs inside them, so
// that options, quantities and addresses stay whole; code spans count too. What
// ends a sentence or a span is a token of its own.
func tokens(text string) []string {
	var list []string
	for field := range strings.FieldsSeq(tokenSigns.Replace(lower(text[:min(len(text), maxDetails)]))) {
		word := strings.Trim(field, `"'*:!?“”`)
		ends := strings.HasSuffix(word, ".")
		if word = strings.TrimRight(word, "."); word != "" {
			list = append(list, word)
		}
		if ends {
			list = append(list, ".")
		}
	}
	return list
}

// tellsCommand reports whether a text tells to run a command that destroys, in a
// code span or not: "`terraform destroy` the old module", "run kubectl delete
// pod first". One that is told of as the past is none.
func tellsCommand(text string) bool {
	if !namesCommand(text) {
		return false
	}
	all := tokens(text)
	inCode := false
	for i, word := range all {
		if word == "`" {
			inCode = !inCode
			if inCode && beginsDestruction(all[i+1:]) && !past(all, i) {
				return true
			}
			continue
		}
		if !tools[word[strings.LastIndexByte(word, '/')+1:]] || past(all, i) {
			if bareCommands[word] && i > 0 && runners[all[i-1]] {
				return true
			}
			continue
		}
		if commands(all[i+1:]) && (!inCode || !eventSpan(all[i:])) {
			return true
		}
	}
	return false
}

// namesCommand is a quick look for what may be a command: most texts hold none.
func namesCommand(text string) bool {
	code := strings.IndexByte(text, '`') >= 0
	for word := range strings.FieldsFuncSeq(text[:min(len(text), maxDetails)], func(r rune) bool { return r <= ' ' || r == '`' }) {
		low := lower(strings.Trim(word, `"'*(),.:;[]|=“”!?`))
		if code && destructive[low] != "" || tools[low[strings.LastIndexByte(low, '/')+1:]] || bareCommands[low] {
			return true
		}
	}
	return false
}

// eventSpan reports whether a code span names events: "`kubectl delete` events".
func eventSpan(span []string) bool {
	end := slices.Index(span, "`")
	return end >= 0 && end+1 < len(span) && eventNouns[span[end+1]]
}

// beginsDestruction reports whether a code span begins with a destructive verb or
// command that has an argument: "rm -rf /data", "drop table users".
func beginsDestruction(span []string) bool {
	if len(span) > 1 && span[0] == "sudo" {
		span = span[1:]
	}
	if len(span) < 2 || !bareCommands[span[0]] && destructive[span[0]] != span[0] {
		return false
	}
	return span[1] != "`" || bareCommands[span[0]]
}

// commands reports whether the words behind a tool, up to the end of the span or
// sentence, hold a destructive verb, also as part of one: terminate-instances.
func commands(rest []string) bool {
	for i, word := range rest {
		if i >= commandReach || word == "`" || word == "." || word == ";" || word == "," || word == ")" {
			return false
		}
		verb, _, _ := strings.Cut(word, "-")
		if base, known := destructive[verb]; known && base == verb || word == "rm" || word == "rb" {
			return true
		}
	}
	return false
}

// past reports whether the command that begins at i is only told of.
func past(all []string, i int) bool {
	for i > 0 && (all[i-1] == "`" || all[i-1] == "sudo") {
		i--
	}
	if i == 0 || !told[all[i-1]] {
		return false
	}
	return i < 2 || !runners[all[i-2]]
}

// stepDestroys reports whether a later step of the details of an alert tells to
// destroy something: "5 minutes; then delete the old rule".
func stepDestroys(all []actionWord) bool {
	for i := 1; i+1 < len(all); i++ {
		_, known := mild[all[i].text]
		if !known && all[i].joined && destroys(all, i, true) && !all[i+1].joined && definite[all[i+1].text] {
			return true
		}
	}
	return false
}

// definite are the determiners that name one thing; "restart every night" tells
// how often.
var definite = set("the|a|an|our|this|that|these|those|its|their|old|existing|current|all")
