// Package node is one node without its hardware: the dispatcher, and the glue
// between processes, protocols and devices. The kernel gives it a real machine;
// tests give it a scripted one, so that a whole cluster of these nodes runs in
// go test, on a virtual clock and a lossy wire.
//
// # One loop
//
// Node.Step is the dispatcher: it takes what devices and time have brought, lets
// the protocol machines run, and gives one thread its slice. Everything a node
// owns is owned by the goroutine that calls Step; there are no locks.
//
// # What lies where
//
// A process is in the table (package proc) of one node; what this package adds, its
// endpoints above all, hangs at it as Process.Ext. During a move there are two
// copies, and neither is changed by anybody: the one that is leaving, frozen, is the
// source's (Node.sources), the one that is arriving, parked, is the target's
// (Node.targets), until the machines of package migrate/move have decided. What
// happens to the process meanwhile is sent to its address, and waits there.
//
// A file description that other nodes have open is an export here and a Remote there.
// The export counts its holders by node and boot. When nobody here has it open any
// more, it moves to one of them, by the same machines as a process.
//
//	export      here: in use by processes here, by holders, or both
//	  taking    it shall go to a holder; requests are served as before
//	  leaving   frozen, and in the image of a move; whoever asks hears BUSY
//	  gone      closed, or elsewhere
//
// # Files
//
// loop.go, machine.go: the dispatcher, and what it runs on. ipc.go, native.go: the
// protocols' effects, and the calls of programs. server.go, pid.go, std.go, exec.go,
// late.go, info.go: what nodes and processes answer. family.go, cluster.go, time.go:
// relatives, neighbours, clocks. export.go, holder.go: objects of several nodes.
// order.go, set.go, movable.go, remedy.go, source.go, offer.go, freeze.go, capture.go,
// strategy.go, precopy.go, pagewalk.go, pump.go, pace.go, mover.go, pulse.go, presence.go, rehome.go: a
// move, at the source; explain.go: what one would come to; event.go, pty.go, files.go, lock.go: objects in moves;
// standstill.go: what stands still answers so;
// target.go, company.go, assembly.go, adopt.go: at the target; residue.go, flush.go: what is
// left for later, and where; pager.go, pagesource.go: who brings it; doubt.go: what has become
// of a move. flight.go, flightnote.go, flightcount.go: what the last ones did. stats.go,
// metrics.go, profile.go: for who watches the node. echo.go: frames that only come back.
// snapshot.go, segment.go: a process written down, and its memory as objects; restart.go,
// pull.go, copy.go: a process that goes on from that, which is another one. stun.go,
// owner.go, lease.go: one that stands still. shake.go, shakerestore.go: moved after every few calls,
// to test it. group.go, mutex.go, rawflip.go, socket.go, disk.go, nic.go: what programs get beside processes.
package node
