package postmortem

import "strings"

// An alert or a monitor may be acted on without a person when one is added or
// adjusted. What makes it quieter hides the next incident, and what makes it
// act by itself is no alert any more.

// watchLeads are verbs that lead to more being watched, besides those that add
// or adjust something.
var watchLeads = forms(`alert|page|warn|detect|catch|cover|surface|export|scrape|instrument|fire|trigger|send|notify|emit|collect|record|
register|attach|label|annotate|require|fix|make|ensure|use|give|apply|change|link|install|hook|log|report|probe|ping|poll|watch|monitor|check|
track|observe|measure|correct|put|test|integrate|connect|split|
añadir|agregar|crear|configurar|definir|ajouter|créer|configurer|définir|adicionar|criar|incluir|hinzufügen|anlegen|einrichten|erstellen`)

// quietVerbs make an alert or a monitor quieter.
var quietVerbs = forms(`pause|delay|postpone|loosen|relax|lessen|quiet|quieten|defer|hide|filter|dampen|soften|route|reroute|redirect|exclude|exempt|
throttle|suspend|desensitize|unsubscribe|deprioritize|unset|lift|tone|downplay|demote|cut`)

// quietNouns are what makes it quieter when it is added.
var quietNouns = set("inhibition|inhibitions|inhibit|silence|silences|mute|mutes|suppression|suppressions|exception|exceptions|exclusion|exclusions|filter")

// quietWords tell wherever they stand that something is to be quieter.
var quietWords = set("less|fewer|noise|quieter|null|blackhole|devnull|fatigue")

// urgency is what an alert has less of when it is made less urgent.
var urgency = set("severity|priority|sensitivity|urgency")

// determiners follow a verb: "Pause the monitor".
var determiners = set("the|a|an|our|all|that|this|these|those|its|their|any|every|some|old|noisy|existing|current|" +
	"el|la|los|las|un|una|le|les|une|des|die|der|das|den|o|os|as|um|uma")

// silencesAlert reports whether an alert or a monitor is to be made quieter.
func silencesAlert(all []actionWord) bool {
	if len(all) == 0 {
		return false
	}
	end := object(all)
	_, lessens := fewerVerbs[all[0].text]
	for i, w := range all {
		base, known := quietVerbs[w.text]
		switch {
		case quietWords[w.text] && !comparesCount(all, i), known && (i == 0 || w.joined && base == w.text), i < end && i > 0 && quietNouns[w.text], lessens && urgency[w.text]:
			return true
		}
	}
	return all[0].text == "tune" && len(all) > 1 && all[1].text == "out"
}

// comparesCount reports whether the word at i begins a condition: "fewer than 3
// members", not "fewer than today".
func comparesCount(all []actionWord, i int) bool {
	if all[i].text != "fewer" && all[i].text != "less" || i+2 >= len(all) || all[i+1].text != "than" {
		return false
	}
	than := all[i+2].text
	return than[0] >= '0' && than[0] <= '9' || counted[than]
}

var counted = set("one|two|three|four|five|six|seven|eight|nine|ten|half|n|the|a|an|expected|desired|required|minimum|quorum")

// doers act where an alert only tells.
var doers = set("hook|hooks|webhook|webhooks|script|scripts|job|jobs|handler|handlers|action|actions|automation|operator|cronjob|bot|lambda")

// acts reports whether an alert or a monitor is meant to do something by itself:
// "an alert that restarts the pod", "with automatic remediation".
func acts(all []actionWord) bool {
	for i, w := range all {
		switch w.text {
		case "remediation", "auto-remediation", "autoremediation", "self-healing", "autohealing", "auto-healing", "auto-restart", "auto-heal", "auto-remediate":
			return true
		}
		if i == 0 || !w.aim || !destroys(all, i, false) {
			continue
		}
		before := all[i-1].text
		if strings.HasSuffix(w.text, "ing") || doers[before] || nouns[before] == Alert || nouns[before] == Monitor {
			return true
		}
	}
	return false
}

// logsIn reports whether a monitor needs credentials, not whether it watches when
// they expire.
func logsIn(all []actionWord) bool {
	needs := false
	for _, w := range all {
		switch {
		case strings.HasPrefix(w.text, "expir"), w.text == "age", w.text == "renewal", w.text == "renewals":
			return false
		case w.text == "password", w.text == "passwords", w.text == "credentials":
			needs = true
		}
	}
	return needs
}

// unclearWatch reports whether an item about an alert or a monitor is led by a
// verb that is not known to add or adjust one: "Wake up the old probe".
func unclearWatch(action string, all []actionWord) bool {
	if hasIdeographs(action) {
		return !containsAny(action, addingStems)
	}
	if len(all) < 2 {
		return false
	}
	lead := all[0].text
	_, adds := constructive[lead]
	_, leads := watchLeads[lead]
	return !adds && !leads && determiners[all[1].text]
}

// addingStems are parts of words that add or adjust something, in languages
// that are written without spaces.
var addingStems = []string{
	"追加", "作成", "設定", "導入", "実装", "整備", "有効", "構築", "用意", "設ける", "仕掛け", "調整", "監視する", "検知する", "通知する",
	"添加", "新增", "增加", "创建", "设置", "配置", "추가", "설정", "생성",
}

// otherStems are parts of words of the same languages that destroy, move, stop
// or quieten something.
var otherStems = []string{
	"削除", "無効", "停止", "再起動", "移行", "移動", "撤去", "廃止", "アップグレード", "ダウングレード", "ロールバック", "切り替え", "切替", "入れ替え",
	"交換", "置換", "置き換え", "消去", "破棄", "強制", "解除", "退避", "縮小", "リセット", "再作成", "取り消", "失効", "ローテーション", "ドレイン",
	"抑止", "抑制", "無視", "ミュート", "手動", "引き下げ", "緩和", "除外",
	"删除", "移除", "禁用", "停用", "重启", "迁移", "替换", "更换", "升级", "降级", "回滚", "清空", "清理", "关闭", "撤销", "下线", "卸载", "强制", "静音",
	"삭제", "제거", "중지", "재시작", "재부팅", "마이그레이션", "비활성", "교체",
}

// doubtStems leave something open.
var doubtStems = []string{"検討", "確認", "調査", "見直", "評価", "相談", "判断", "考虑", "调查", "评估", "讨论", "检查", "검토", "조사"}

// otherVerbs destroy, move, stop or quieten something in languages that put
// the verb anywhere.
//
//nolint:misspell // these words are not English
var otherVerbs = set(`eliminar|eliminación|elimine|elimina|borrar|borre|borra|suprimir|reiniciar|reinicie|desactivar|desactive|deshabilitar|desativar|
apagar|apague|desligar|desligue|migrar|migración|migração|mover|reemplazar|substituir|detener|parar|pausar|silenciar|excluir|remover|
supprimer|redémarrer|redémarrage|désactiver|arrêter|remplacer|déplacer|migrer|couper|éteindre|
löschen|lösche|löschung|entfernen|entferne|deaktivieren|deaktiviere|neustarten|neustart|stoppen|ersetzen|verschieben|abschalten|ausschalten|stummschalten|umziehen`)

// destroysElsewhere reports whether an action in another language than English
// destroys, moves, stops or quietens something.
func destroysElsewhere(action string, all []actionWord) bool {
	if isASCII(action) {
		for _, w := range all {
			if otherVerbs[w.text] {
				return true
			}
		}
		return false
	}
	if containsAny(action, otherStems) {
		return true
	}
	for _, word := range splitWords(fold(action)) {
		if otherVerbs[word] {
			return true
		}
	}
	return false
}

// hasIdeographs reports whether a text holds letters of a language that is written
// without spaces between words.
func hasIdeographs(text string) bool {
	for _, r := range text {
		if r >= 0x3040 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7a3 {
			return true
		}
	}
	return false
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}
