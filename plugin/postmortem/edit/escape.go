package edit

import (
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
)

var (
	fullHash = pattern.Lazy(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	safeURL  = pattern.Lazy(`^https?://[A-Za-z0-9._~:/?#@!$&*+,;=%\[\]-]+$`)
	rowDate  = pattern.Lazy(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// orAbsent is a text as a cell, or the sign for no value.
func orAbsent(s string) string {
	if s = markdown.EscapeCell(s); s == "" {
		return postmortem.Absent
	}
	return s
}

// shortHash is how many digits of a commit a row shows.
const shortHash = 7

// commitCell is the link to a commit. Only a full hash is shown, only a plain
// web address linked.
func commitCell(hash, url string) string {
	if !fullHash().MatchString(hash) {
		return postmortem.Absent
	}
	short := "`" + hash[:shortHash] + "`"
	if !safeURL().MatchString(url) {
		return short
	}
	return "[" + short + "](" + url + ")"
}
