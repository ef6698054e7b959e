package image_test

import (
	"slices"
	"strings"
	"testing"

	"motile/migrate/image"
)

// family is a specimen, its child, that one's child between vfork and exec, and another
// child: all that processes of a set have in common.
func family() (image.Set, []image.Object) {
	first, objects, _ := specimen()
	set := image.Set{first}
	for i, parent := range []int{0, 1, 0} {
		p, _, _ := specimen()
		p.PID, p.Parent = 1000100+int32(i), set[parent].PID
		p.Threads = p.Threads[:1]
		p.Threads[0].TID = p.PID
		p.Files, p.Stores = nil, nil
		p.PosixTimers, p.Children = nil, nil
		if i == 1 {
			p.Regions, p.Space, p.Vfork = nil, 2, set[1].Threads[0].TID
		}
		set = append(set, p)
	}
	return set, objects
}

// What no processes that ever hung together are like is refused, by the name of the
// process whose record it is.
func TestSet_Check(t *testing.T) {
	set, objects := family()
	if err := set.Check(objects); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		spoil func(s image.Set)
		want  string
	}{
		{"a descriptor of no file", func(s image.Set) { s[1].FDs[0].File = 99 }, "1000100: descriptor 0 for file 99"},
		{"a descriptor of a negative file", func(s image.Set) { s[3].FDs[0].File = -1 }, "1000102: descriptor 0 for file -1"},
		{"a descriptor twice", func(s image.Set) { s[1].FDs[1].FD = s[1].FDs[0].FD }, "1000100: descriptor 0 for file 0"},
		{"a terminal that is no file", func(s image.Set) { s[1].TTY = 99 }, "1000100: terminal 99"},
		{"a log that is no file", func(s image.Set) { s[3].Log = -2 }, "1000102: terminal 0 or log -2"},
		{"memory of no store", func(s image.Set) { s[3].Regions[0].Store = 99 }, "1000102: region 0x400000: store 99 of 2"},
		{"overlapping memory", func(s image.Set) { s[1].Regions[1].Start = 0x401000 }, "1000100: region 0x401000"},
		{"a file of no store", func(s image.Set) { s[0].Files[1].Kind = image.KindMemory; s[0].Files[1].Store = 2 }, "1000007: file 1: store 2 of 2"},
		{"a file that is a program's", func(s image.Set) { s[0].Files[1].Kind = image.KindMemory; s[0].Files[1].Store = 0 }, "1000007: file 1: store 0 of 2"},
		{"a file of no object", func(s image.Set) { s[0].Files[1].Object = 99 }, "1000007: file 1: object 99 of 3"},
		{"files of its own", func(s image.Set) { s[1].Files = s[0].Files[:1] }, "1000100: 1 files and 0 stores of its own"},
		{"stores of its own", func(s image.Set) { s[3].Stores = s[0].Stores }, "1000102: 0 files and 2 stores of its own"},
		{"the memory of nobody", func(s image.Set) { s[2].Space = 99 }, "1000101: it runs in the memory of process 98"},
		{"its own memory, from elsewhere", func(s image.Set) { s[2].Space = 3 }, "1000101: it runs in the memory of process 2"},
		{"the memory of a later one", func(s image.Set) { s[1].Space = 4; s[1].Regions = nil }, "1000100: it runs in the memory of process 3"},
		{"negative memory", func(s image.Set) { s[2].Space = -1 }, "1000101: it runs in the memory"},
		{"the memory of one in another's", func(s image.Set) { s[3].Space = 3; s[3].Regions = nil }, "1000102: it runs in the memory of process 2"},
		{"two memories", func(s image.Set) { s[2].Regions = s[1].Regions }, "1000101: it runs in the memory of process 1"},
		{"the first in another's memory", func(s image.Set) { s[0].Space = 2 }, "1000007: it is the first"},
		{"a first that is waited for", func(s image.Set) { s[0].Vfork = s[1].PID }, "1000007: it is the first"},
		{"a thread of nobody waits", func(s image.Set) { s[2].Vfork = 77 }, "1000101: thread 77 waits"},
		{"a thread of another waits", func(s image.Set) { s[2].Vfork = s[0].PID }, "1000101: thread 1000007 waits"},
		{"it is waited for, with memory of its own", func(s image.Set) { s[3].Vfork = s[1].PID }, "1000102: thread 1000100 waits"},
		{"two processes with one pid", func(s image.Set) { s[3].PID = s[1].PID; s[3].Threads[0].TID = 5 }, "1000100: there are two"},
		{"two threads with one id", func(s image.Set) { s[3].Threads[0].TID = 1000008 }, "1000102: id 1000008 of a thread is one of process 1000007"},
		{"a thread with the pid of another", func(s image.Set) { s[3].Threads[0].TID = s[1].PID }, "id 1000100 of a thread is one of process"},
		{"its own parent", func(s image.Set) { s[3].Parent = s[3].PID }, "1000102: a ring of parents"},
		{"a ring of parents", func(s image.Set) { s[0].Parent = s[2].PID }, "a ring of parents"},
		{"a timer of no clock", func(s image.Set) { s[3].PosixTimers = []image.PosixTimer{{Clock: 9, Signo: 10}} }, "1000102: timer 0: clock 9"},
		{"a timer twice", func(s image.Set) { s[1].PosixTimers = []image.PosixTimer{{Signo: 10}, {Signo: 10}} }, "1000100: timer 0"},
		{"a signal that is none", func(s image.Set) { s[1].Pending[0].Signo = 65 }, "1000100: pending signal 65"},
		{"a call in a slot that is none", func(s image.Set) { s[3].Threads[0].Call.Slot = 5000 }, "1000102: thread 1000102: a call that cannot be"},
		{"no threads", func(s image.Set) { s[1].Threads = nil }, "1000100: 0 threads"},
		{"an id of init's parent", func(s image.Set) { s[1].PID = 0 }, "process 0: ids 0"},
	} {
		s, objects := family()
		test.spoil(s)
		if err := s.Check(objects); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	many := slices.Repeat(set, 300)
	for _, s := range []image.Set{nil, many} {
		if err := s.Check(objects); err == nil || !strings.Contains(err.Error(), "a set of") {
			t.Errorf("%d processes: %v", len(s), err)
		}
	}
}

// encodeSet is a set as it travels, but for what is sealed.
func encodeSet(t testing.TB, s image.Set, objects []image.Object) []byte {
	w := image.NewWriter()
	add := func(typ image.Type, v any) {
		b, err := image.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		w.Add(image.Record{Type: typ, Required: true, Payload: b})
	}
	for _, p := range s {
		add(image.TypeProcess, p)
	}
	add(image.TypeObjects, objects)
	return w.Bytes()
}

// Whatever the bytes are, a set that passes has nothing in it that refers to nothing.
func FuzzSet(f *testing.F) {
	set, objects := family()
	f.Add(encodeSet(f, set, objects))
	f.Add(encodeSet(f, set[:1], objects))
	f.Add(encodeSet(f, set[:2], objects))
	set[2].Space, set[2].Vfork, set[3].Parent = 3, 1, set[3].PID
	f.Add(encodeSet(f, set, objects))
	f.Fuzz(func(t *testing.T, b []byte) {
		recs, err := image.Read(b)
		if err != nil {
			return
		}
		var s image.Set
		var objects []image.Object
		for _, payload := range image.FindAll(recs, image.TypeProcess) {
			p := new(image.Process)
			if image.Unmarshal(payload, p) != nil {
				return
			}
			s = append(s, p)
		}
		if payload, err := image.Find(recs, image.TypeObjects); err != nil || image.Unmarshal(payload, &objects) != nil {
			return
		}
		if s.Check(objects) != nil {
			return
		}
		pids := make(map[int32]int)
		for i, p := range s {
			if _, twice := pids[p.PID]; twice {
				t.Fatalf("two processes %d", p.PID)
			}
			pids[p.PID] = i
			if i > 0 && len(p.Files)+len(p.Stores) > 0 {
				t.Fatalf("process %d has tables", p.PID)
			}
			if p.Space != 0 && s[p.Space-1].Space != 0 {
				t.Fatalf("process %d runs in memory that is none", p.PID)
			}
			for _, fd := range p.FDs {
				_ = s[0].Files[fd.File]
			}
			for _, r := range p.Regions {
				if r.Store >= 0 {
					_ = s[0].Stores[r.Store]
				}
			}
		}
		for _, f := range s[0].Files {
			switch f.Kind {
			case image.KindMemory:
				_ = s[0].Stores[f.Store]
			case image.KindPipeR, image.KindPipeW, image.KindEventfd, image.KindEpoll:
				_ = objects[f.Object]
			}
		}
		for i := range s {
			steps := 0
			for at, here := i, true; here; at, here = pids[s[at].Parent], has(pids, s[at].Parent) {
				if steps++; steps > len(s)+1 {
					t.Fatalf("process %d descends from itself", s[i].PID)
				}
			}
		}
	})
}

func has(pids map[int32]int, pid int32) bool {
	_, ok := pids[pid]
	return ok
}
