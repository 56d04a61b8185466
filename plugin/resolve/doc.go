// Package resolve takes one safe item at a time from the branch's tip to a
// pushed fix commit: baseline plan, agent, import, diff gate, plan, plan gate,
// journal, apply, confirm, push. It also settles what a run that was cut short
// left behind.
//
// Its files follow the data: resolver (the run), claim (what other runs are kept away
// from), settle and merged (what earlier runs and people left), history (what they did
// to the items of now), attempt (one item), turn (its agent), judge (gates and plans),
// land or propose, loaded (whether what landed works), books (what is written down).
//
// It is the only room that brings hosts, the agent, the gates and the
// repository together, and of the outside it sees what the room seam names and
// no more. It decides nothing that a gate decides, and it believes nothing that
// an agent says: only objects in this program's own clone, plans that were
// judged, and what the remote shows.
package resolve
