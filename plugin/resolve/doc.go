// Package resolve takes one safe item at a time from the branch's tip to a
// pushed fix commit: baseline plan, agent, import, diff gate, plan, plan gate,
// journal, apply, confirm, push. It also settles what a run that was cut short
// left behind.
//
// It is the only room that brings hosts, the agent, the gates and the
// repository together, and of the outside it sees what the room seam names and
// no more. It decides nothing that a gate decides, and it believes nothing that
// an agent says: only objects in this program's own clone, plans that were
// judged, and what the remote shows.
package resolve
