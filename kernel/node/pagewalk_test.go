package node

import (
	"maps"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"motile/kernel/vm"
	"motile/migrate/wire"
	"motile/proc"
	"motile/proc/api"
)

var initMemory = sync.OnceFunc(vm.Init)

// walked is what a walk is to find: of each page, by its word, what happens to it.
type walked struct {
	report api.MoveReport
	pages  map[uint64]fate
	stay   *leaving // nil: nothing does
	file   *flush   // likewise
}

type fate int

const (
	sent fate = iota + 1
	stays
	isFiled
)

// add makes pages of a process, and says of each by itself what happens to it.
func (x *walked) add(t *rapid.T, process int, s *vm.Space, urgent *along) {
	const base = 5<<21 - 30*vm.PageBytes
	files := vm.NewStore()
	files.SetSize(1 << 30)
	reg := vm.Region{Prot: vm.ProtRead | vm.ProtWrite, Store: files}
	addr := uint64(base)
	for range rapid.IntRange(0, 12).Draw(t, "stretches") {
		n := rapid.OneOf(rapid.IntRange(1, 3), rapid.IntRange(1, 700)).Draw(t, "pages")
		kind := rapid.SampledFrom([]string{"none", "clean", "written", "file"}).Draw(t, "kind")
		goes := rapid.IntRange(0, n-1).Draw(t, "urgent")
		if files.Retain(); kind == "none" || !s.Place(addr, addr+uint64(n)*vm.PageBytes, reg) { // a fault maps no neighbours beyond it
			files.Release()
		}
		for i := range n {
			at := addr + uint64(i)*vm.PageBytes
			word := wire.PrivateWord(process, at)
			must := i == goes && (x.stay != nil || x.file != nil)
			if must {
				*urgent = append(*urgent, word)
			}
			switch kind {
			case "none":
				continue
			case "file":
				s.Touch(at, vm.ProtRead)
				x.report.FilePages++
				continue
			case "clean":
				s.Install(at)[0] = 1
			case "written":
				s.CopyOut(at, []byte{1})
			}
			switch {
			case must, x.stay == nil && x.file == nil, x.stay != nil && x.stay.clean && kind == "written":
				x.pages[word] = sent
				x.report.Pages++
			case x.stay != nil:
				x.pages[word] = stays
				x.report.Left++
			default:
				x.pages[word] = isFiled
				x.report.Left++
			}
		}
		addr += uint64(n) * vm.PageBytes
	}
	files.Release()
}

// What a walk says in runs is what is to be said of each page, once.
func TestPageWalk_Model(t *testing.T) {
	initMemory()
	rapid.Check(t, func(t *rapid.T) {
		var urgent along
		want := walked{pages: make(map[uint64]fate)}
		switch rapid.SampledFrom([]string{"copy", "reference", "dirty", "flush"}).Draw(t, "strategy") {
		case "reference":
			want.stay = &leaving{along: &urgent}
		case "dirty":
			want.stay = &leaving{along: &urgent, clean: true}
		case "flush":
			want.file = &flush{must: &urgent}
		}
		var all set
		for i := range rapid.IntRange(1, 3).Draw(t, "processes") {
			s := vm.New()
			defer s.Release()
			all = append(all, &proc.Process{Space: s})
			want.add(t, i, s, &urgent)
		}
		var report api.MoveReport
		w := newPageWalk(all, nil, nil, &report, pass{final: true})
		w.leave, w.file = want.stay, want.file
		got, filed := fates(t, w)
		if !maps.Equal(got, want.pages) {
			t.Fatalf("%d pages were spoken of, want %d, or others", len(got), len(want.pages))
		}
		for i, page := range filed {
			if page != uint64(i) {
				t.Fatalf("page %d of the file comes as the %d-th", page, i)
			}
		}
		r := want.report
		if report.Pages != r.Pages || report.Left != r.Left || report.FilePages != r.FilePages {
			t.Fatalf("%d pages, %d left, %d of files; want %d, %d, %d", report.Pages, report.Left, report.FilePages, r.Pages, r.Left, r.FilePages)
		}
	})
}

// fates walks to the end, and takes the messages apart.
func fates(t *rapid.T, w *pageWalk) (got map[uint64]fate, filed []uint64) {
	got = make(map[uint64]fate)
	say := func(word uint64, f fate) {
		if got[word] != 0 {
			t.Fatalf("page %#x is spoken of twice", word)
		}
		got[word] = f
	}
	var msg wire.PageBatch
	for more := true; more; {
		more = w.fill(&msg)
		m, ok := wire.DecodePages(msg.Encode(nil, wire.MoveID{}, 0, 0, new([16]byte)))
		if !ok {
			t.Fatal("a message of no form")
		}
		m.Entries(func(e wire.Entry) bool {
			if !wire.Run(e.Word) {
				say(e.Word, sent)
				return true
			}
			process, addr, pages, kind := wire.RunOf(e.Word, e.Next)
			f := stays
			if kind == wire.Filed {
				f = isFiled
			}
			for i := range uint64(pages) {
				if f == isFiled {
					filed = append(filed, e.At+i)
				}
				say(wire.PrivateWord(process, addr+i*vm.PageBytes), f)
			}
			return true
		})
	}
	return got, filed
}
