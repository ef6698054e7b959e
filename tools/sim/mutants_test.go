package main

// mutant is a bug planted in a copy of a source file. The simulation must find it.
// More of groups are planted by ipc/group in its own random worlds.
type mutant struct {
	name string // as the bug would be described
	file string
	old  string // occurs once in the file
	new  string
}

var mutants = []mutant{{
	name: "duplicate window not carried",
	file: "ipc/rpc/export.go",
	old:  "		index[r] = int32(len(st.Rows))\n",
	new:  "		if r.phase != working {\n			return\n		}\n		index[r] = int32(len(st.Rows))\n",
}, {
	name: "epoch ignored",
	file: "ipc/flip/route.go",
	old:  "		if h.Epoch < d.epoch && !d.lost() {\n",
	new:  "		if false {\n",
}, {
	name: "BUSY spends the retry budget",
	file: "ipc/rpc/client.go",
	old:  "	case flip.HeldBusy:\n		c.heard = now\n",
	new:  "	case flip.HeldBusy:\n		if now-c.heard > silenceLimit {\n			return false\n		}\n",
}, {
	name: "target drops its copy on a timer after READY",
	file: "migrate/move/target.go",
	old:  "		t.deadline = now + askPause\n		t.do(AskSource)\n",
	new:  "		t.drop()\n",
}, {
	name: "source resumes after its commit record",
	file: "migrate/move/source.go",
	old:  "	case Failed:\n		s.retry, s.deadline = true, now+commitPause\n",
	new:  "	case Failed:\n		s.end(Aborted, Thaw)\n",
}, {
	name: "reassembly accepts a stale fragment",
	file: "ipc/flip/join.go",
	old:  "j.messid == h.MessID && j.src == h.Src",
	new:  "j.src == h.Src",
}, {
	name: "sequencer hands out a number twice",
	file: "ipc/group/export.go",
	old:  "	mb.hist.base = st.Base\n",
	new: `	mb.hist.base = st.Base
	if n := len(st.History); n > 0 && mb.sequences() && st.History[n-1].Seqno == mb.got {
		st.History = st.History[:n-1] // as if the counter were not carried, but what was safe before
		mb.got--
		mb.last, mb.applied = mb.got, mb.got
		mb.accepted, mb.taken = min(mb.accepted, mb.got), min(mb.taken, mb.got)
	}
`,
}, {
	name: "sequencer hands out numbers beyond its own leave",
	file: "ipc/group/sequencer.go",
	old:  "	if mb.resigned() {\n",
	new:  "	if false {\n",
}}
