package soap

import (
	"encoding/binary"

	"motile/ipc/std"
)

// How replicas find the newest state after crashes, and never go on from an older one.
//
// Replicas that serve are members of an ordered group, which has an epoch. Each update is
// ordered by the group, and answered when a majority of all replicas has it on disk. A
// group lasts while a majority are in it; it survives the others, and takes them in again
// with the group's state.
//
// When there is no group any more, a replica stands for the next one: it asks the others
// to promise that they join no older one. With the promises of a majority, its own among
// them, and if none of those has a newer state, it founds a group of a new epoch, with its
// state. Then:
//
//   - Any two majorities have a replica in common. So one of those that promised had every
//     update that was answered, and the founder's state is no older than that one's.
//   - Whoever has promised is in no older group. So none has a majority, and no update of
//     one is answered, from then on.
//   - An epoch has one founder: its number is in the epoch.
//
// A replica with an empty disk, or with none, does not know what it once had or promised:
// it counts for nothing, unless all are there. So the first time they all must be.
//
// A replica that goes on alone, cut off, may answer lookups, but no updates.

// Report is what replicas tell each other.
type Report struct {
	Replica int
	Kept
	Group uint64 // epoch of the group that the replica is in; 0: none
	Clear uint64 // all its watchers have forgotten what updates up to here have changed
}

const reportLen = 6 * 8

func (r *Report) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(r.Replica))
	for _, v := range []uint64{r.Promised, r.Epoch, r.Seq, r.Group, r.Clear} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func decodeReport(b []byte) (r Report, ok bool) {
	if len(b) != reportLen {
		return r, false
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
	return Report{int(at(0)), Kept{at(1), at(2), at(3)}, at(4), at(5)}, true
}

// What is to be done by a replica that is in no group.
type action uint8

const (
	wait  action = iota // nobody can be joined, and too few are here, or another should stand
	join                // the group of an epoch, by the replica via
	stand               // for a group of an epoch
)

type decision struct {
	action
	epoch uint64
	via   int
}

// MaxReplicas is how many there are at most.
const MaxReplicas = 7

// ballotStep is more than the number of a node: ballots of replicas differ by their rest.
const ballotStep = 1024

// decide says what is to be done, by what others have reported just now.
func decide(me Report, others []Report, replicas int) decision {
	best := decision{action: wait}
	highest := me.Promised
	first := true
	for _, r := range others {
		highest = max(highest, r.Promised, r.Group)
		switch {
		case r.Group != 0 && r.Group >= me.Promised && (best.action == wait || r.Group > best.epoch):
			best = decision{join, r.Group, r.Replica}
		case r.Kept.newer(me.Kept) || !me.Kept.newer(r.Kept) && r.Replica < me.Replica:
			first = false
		}
	}
	if best.action == join || !first || !quorum(me, others, replicas) {
		return best
	}
	return decision{action: stand, epoch: (highest/ballotStep+1)*ballotStep + uint64(me.Replica)%ballotStep}
}

func majority(replicas int) int { return replicas/2 + 1 }

// quorum reports whether we and the others are enough to go on.
func quorum(me Report, others []Report, replicas int) bool {
	know := 0
	for _, r := range append([]Report{me}, others...) {
		if r.Epoch > 0 {
			know++
		}
	}
	return know >= majority(replicas) || 1+len(others) == replicas
}

// promise is the answer to somebody who stands. Preconditions: if it is STD_OK, the
// promise is on disk before anybody hears of it.
func promise(me *Report, ballot uint64) std.Status {
	if me.Group != 0 || ballot <= me.Promised {
		return std.NotNow
	}
	me.Promised = ballot
	return std.OK
}

// elected reports whether who stands may found the group, by the reports that came with
// the promises.
func elected(me Report, promised []Report, replicas int) bool {
	for _, r := range promised {
		if r.Kept.newer(me.Kept) {
			return false
		}
	}
	return quorum(me, promised, replicas)
}

// outdated reports whether a member must leave its group: somebody has promised to join
// only later ones, so he would stay outside for ever.
func outdated(me Report, others []Report) bool {
	for _, r := range others {
		if me.Group != 0 && r.Group == 0 && r.Promised > me.Group {
			return true
		}
	}
	return false
}

// safe reports whether an update is on the disks of a majority. kept is what all replicas
// have told of theirs, our own among them.
func safe(epoch, seq uint64, kept map[int]Kept, replicas int) bool {
	n := 0
	for _, k := range kept {
		if k.Epoch == epoch && k.Seq >= seq {
			n++
		}
	}
	return n >= majority(replicas)
}
