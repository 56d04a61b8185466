package postmortem

import "strings"

// forms are the inflected forms of verbs: base, -s, -ed, -ing, and the noun
// where it differs, each mapped to the base.
func forms(list string) map[string]string {
	known := make(map[string]string, 6*(1+strings.Count(list, "|")))
	for entry := range strings.SplitSeq(list, "|") {
		all := strings.Fields(entry)
		base := all[0]
		for _, form := range all {
			known[form] = base
		}
		stem := strings.TrimSuffix(base, "e")
		for _, form := range []string{base + "s", base + "d", base + "ed", stem + "ing", stem + "ed", base + "ing"} {
			known[form] = base
		}
	}
	return known
}

// destructive verbs delete, move, restart, upgrade or turn off.
var destructive = forms(`migrate migration migrations|move|delete deletion|remove removal|drop dropping dropped|destroy destruction|unmount|umount|
reboot|restart|reset resetting|drain|rotate rotation|revoke revocation|upgrade|downgrade|rollback|disable|replace replacement|rename|resize|
purge|wipe wiping|truncate truncation|evict evicting eviction|kill|terminate termination|decommission|deprecate deprecation|uninstall|
stop stopping stopped|shutdown|cordon|detach|evacuate evacuation|failover|failback|format formatting|prune|cleanup|recreate|re-create|rebuild|
rebuilt|taint|reimage|re-image|reinstall|re-install|relocate relocation|switch|swap swapping|convert conversion|transfer transferring|cutover|
revert|undo|unlink|flush|erase|retire retirement|sunset|halt|recycle|bounce|redeploy|re-deploy|repartition|reformat|reprovision|deprovision|
deactivate deactivation|eliminate|discard|expunge|nuke|bump|unseal|rekey|re-key|repoint|consolidate|split splitting|merge|
restore restoration|recover recovery|repair|execute|exec|run running|encrypt encryption|re-encrypt|silence|mute|suppress suppression|snooze|
inhibit inhibition|ignore|grant|permit permitting|expose exposure|bypass|skip skipping|deny|block|ban banning|rebalance|reschedule|redistribute|shift|transition|
promote|demote|resync|re-sync|unblock|
eliminar|excluir|remover|apagar|migrar|borrar|supprimer|migrer|löschen|entfernen|force`)

// twoWord are destructive verbs of two words.
var twoWord = map[string]string{
	"roll": "back", "rolls": "back", "rolled": "back", "rolling": "back", "fail": "over back", "failing": "over back",
	"scale": "down to in", "scaling": "down to in", "shut": "down off", "shutting": "down", "turn": "off down", "turning": "off",
	"power": "off down cycle", "powering": "off", "clean": "up out", "cleaning": "up out", "cut": "over", "cutting": "over",
	"take": "down offline out", "taking": "down offline", "tear": "down", "tearing": "down", "spin": "down", "get": "rid",
	"phase": "out", "phasing": "out", "swap": "out", "back": "out", "bring": "down", "wind": "down", "opt": "out", "pull": "out",
	"re": "create install image deploy build", "throw": "away", "open": "up", "comment": "out",
}

// constructive verbs add or adjust something; only with them is a type
// inferred.
var constructive = forms(`add adding adds addition|create creation|write writing|implement implementation|configure configuration|setup|enable|
introduce introduction|define definition|deploy deployment|build|extend|include|wire|tune tuning|adjust|update|raise|increase|
lower|decrease|reduce|set setting|provision|tighten|lengthen|shorten|bound|cap capping|limit|declare|specify`)

// human verbs name work of a person.
var human = forms(`document|investigate investigation|research|analyze analysis|analyse|review|audit|evaluate evaluation|consider|decide|explore|
discuss|assess|determine|understand|verify|check|test testing|validate|confirm|ask|train|schedule|plan planning|propose|report|file|
contact|notify|communicate|share|track|follow|monitor|watch|learn|teach|study|measure|benchmark|rehearse|practice|practise|run running|
redesign|design|refactor|rewrite|rearchitect|re-architect|architect|clarify|standardize|automate|develop|silence|mute|tag|look|find|
identify|compare|prepare|agree|align|hire|buy|order|purchase|escalate|reproduce|debug|simulate|drill|ack|acknowledge|approve|publicize`)

// action words: the words of an action in lower case, with the separator that
// stands before each.
type actionWord struct {
	text   string
	joined bool // first, or after and, then, a comma, semicolon, plus or the like
	aim    bool // after to, by, which and the like
}

// joiners begin another step; aims tell what the step is for.
var (
	joiners = set("and|then|also|plus|und|et|e|y|afterwards|please|first|finally|next")
	aims    = set("before|after|or|to|by|via|that|which|must|should|will|can|need|needs|we|immediately|quickly|carefully|fully|completely|" +
		"temporarily|permanently|manually|just|gracefully|safely")
)

// maxWords is how many words of a text are looked at.
const maxWords = 400

// readWords splits a text into its words outside code spans, without the tags
// and priorities in front of it.
func readWords(buffer []actionWord, action string) []actionWord {
	text := untagged(lower(stripComments(withoutCode(action))))
	out := buffer[:0]
	joined, aim := true, false
	for i := 0; i < len(text) && len(out) < maxWords; {
		if !isWord(text[i]) && text[i] != '\'' {
			j, a := separates(text, i)
			joined, aim = joined || j, aim || a
			i++
			continue
		}
		start := i
		i = wordEnd(text, i)
		word := strings.Trim(text[start:i], "–—→⇒")
		joined = joined || len(word) != i-start
		switch {
		case word == "":
		case joiners[word]:
			joined = true
		case aims[word]:
			aim = true
		default:
			out = append(out, actionWord{word, joined, aim})
			// "Maybe delete …" is led by the verb all the same.
			joined, aim = joined && hedgeWords[word], false
		}
	}
	return out
}

// untagged is a text without the tags and the priority in front of it.
func untagged(text string) string {
	for range 4 {
		tag, rest, found := leadTag(text)
		if !found || len(splitWords(tag)) > 3 {
			break
		}
		text = rest
	}
	if p, rest := priorityWord(strings.TrimLeft(text, " *_")); p != "" {
		text = rest
	}
	return text
}

// separates reports whether the sign at i begins another step, or an aside.
func separates(text string, i int) (joined, aim bool) {
	next := i+1 >= len(text) || isSpace(text[i+1])
	switch text[i] {
	case '(':
		return false, true
	case ',', ';', '+', '&', ':', '\n', '!', '>', '|':
		return true, false
	case '.', '/':
		// A stop inside 3.5 or a path ends no sentence.
		return next, false
	case '-':
		return next && i > 0 && isSpace(text[i-1]), false
	}
	return false, false
}

// wordEnd is where the word that begins at i ends. Hyphens, stops and the like
// inside a word belong to it.
func wordEnd(text string, i int) int {
	for i++; i < len(text); i++ {
		inner := strings.IndexByte("-_'./", text[i]) >= 0 && i+1 < len(text) && isWord(text[i+1])
		if !isWord(text[i]) && !inner {
			break
		}
	}
	return i
}

// destroys reports whether the word at i is a destructive verb in any form, or
// in its base form only.
func destroys(all []actionWord, i int, baseOnly bool) bool {
	word := all[i].text
	if strings.HasPrefix(word, "force-") {
		return true
	}
	if base, known := destructive[word]; known {
		return !baseOnly || base == word
	}
	if head, _, hyphen := strings.Cut(word, "-"); hyphen {
		if second, known := twoWord[head]; known && contains(second, strings.TrimPrefix(word, head+"-")) {
			return true
		}
	}
	if second, known := twoWord[word]; known && i+1 < len(all) {
		// "Scale to zero": the to was read as what follows it aiming.
		next := all[i+1].text
		return contains(second, next) || next == "zero" || next == "0"
	}
	return false
}

func contains(list, word string) bool {
	for _, one := range strings.Fields(list) {
		if one == word {
			return true
		}
	}
	return false
}

// leadsDestruction reports whether the action is led by a destructive verb or
// joins one to what it asks for.
func leadsDestruction(all []actionWord) bool {
	for i, w := range all {
		if (w.joined || i == 0) && destroys(all, i, i > 0) && (i == 0 || !asNoun(all, i)) {
			return true
		}
	}
	return false
}

// aimsDestruction reports whether a configuration is meant to destroy: "a job to
// delete …", "by restarting …".
func aimsDestruction(all []actionWord) bool {
	for i, w := range all {
		if w.aim && destroys(all, i, false) {
			return true
		}
	}
	return false
}

var secretWords = set("secret|secrets|token|tokens|credential|credentials|password|passwords|passphrase|passphrases|passwd")

// losers are verbs that lose something wherever they stand in a change of
// configuration, in every form and inside compounds such as auto-delete.
var losers = forms(`delete deletion|remove removal|destroy destruction|drop dropping dropped|purge|wipe wiping|truncate truncation|prune|erase|
kill|terminate termination|evict evicting eviction|uninstall|decommission|garbage|cleanup|unmount|umount|reboot`)

func losesData(word string) bool {
	if _, known := losers[word]; known {
		return true
	}
	if !strings.ContainsAny(word, "-_") {
		return false
	}
	for part := range strings.FieldsFuncSeq(word, hyphened) {
		if _, known := losers[part]; known {
			return true
		}
	}
	return false
}

// commandsDestruction reports whether a code span of the action, or of details,
// holds a destructive verb: a command such as kubectl delete, a setting such as
// prevent_destroy.
func commandsDestruction(action string, details bool) bool {
	bare := withoutCode(action)
	if bare == action {
		return false
	}
	code := []byte(lower(action))
	for i := range code {
		if bare[i] == action[i] && bare[i] != ' ' {
			code[i] = ' '
		}
	}
	for word := range strings.FieldsFuncSeq(string(code), func(r rune) bool { return r < 'a' || r > 'z' }) {
		if _, known := mild[word]; known && details {
			continue // an option such as --run-once
		}
		if base, known := destructive[word]; known && base == word || losesData(word) || word == "rm" || word == "mv" || word == "dd" || word == "mkfs" {
			return true
		}
	}
	return false
}

// toVersion reports whether the action ends in a version: "to 1.27", "to v3".
func toVersion(all []actionWord) bool {
	for _, w := range all[1:] {
		text := strings.TrimPrefix(w.text, "v")
		if w.aim && text != "" && strings.Trim(text, "0123456789.") == "" && (strings.Contains(text, ".") || text != w.text) {
			return true
		}
	}
	return false
}

// touchesSecret reports whether a text in lower case names secrets as whole
// words.
func touchesSecret(low string) bool {
	if !containsAny(low, secretStems) {
		return false
	}
	for _, word := range splitWords(low) {
		for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return r == '-' || r == '_' }) {
			if secretWords[part] {
				return true
			}
		}
	}
	return containsAny(low, secretPhrases)
}

var (
	secretStems   = []string{"secret", "token", "credential", "passw", "passphrase", " key"}
	secretPhrases = []string{"private key", "api key", "ssh key"}
)
