// Package gitrepo is this program's own clone of the repository and its only
// way to the remote. It works on git objects alone: nothing is ever checked
// out, no git configuration of the machine or of the user is read, and no
// credential leaves the process except towards the remote that was named.
//
// Commits, trees and blobs are named by their full hash, 40 lower-case
// hexadecimal digits; refs by their full name, such as refs/heads/master.
//
// Every change of a remote ref is a compare-and-swap: the update names the
// value that it replaces, is never forced, and touches one ref. What became of
// an update whose answer was lost is found out by looking at the remote, not
// by reading the words of an error.
//
// A Repo may be used by several goroutines, but two publications of one Repo
// at the same time make no sense. A Lock renews itself beside it.
package gitrepo
