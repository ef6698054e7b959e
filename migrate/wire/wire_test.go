package wire

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"motile/kernel/abi"
	"motile/tools/imagetest"
)

var move = MoveID{Boot: 0x0102030405060708, Nr: 3}

// samples are one of each message in CBOR.
var samples = []any{
	Offer{Move: move, Source: 1, PID: 1000007, Version: 1,
		CPU:   [3]CPUID{{1, [4]uint32{1, 2, 3, 4}}, {7, [4]uint32{5, 6, 7, 8}}, {0x80000001, [4]uint32{9, 10, 11, 12}}},
		Pages: 300, Files: []FileOffer{{[]byte{0xd1, 0xd2}, "/bin/cat", 4096}}, Dirs: []string{"/root"}, Command: "cat file", Uptime: 5e9, Others: []int32{1000008, 2000009}, Ask: true, Void: true},
	OfferReply{Refused: "it is full", Boot: 9, Missing: []int{0}, Reasons: []string{"it is full"}},
	File{Move: move, Digest: []byte{0xd1, 0xd2}, Path: "/bin/cat", Size: 4096, Data: []byte("data"), Off: 48 << 10},
	State{Move: move, Off: 256 << 10, Data: []byte("more")},
	Prepare{Move: move, Image: []byte("the rest"), Messages: 21, Before: 512 << 10, File: []byte{0xcf}, FileOn: 2},
	Pull{Move: move, Pages: []uint64{0x5000, 1<<48 | 0x7000}},
	Commit{Move: move, FrozenNs: 12e6, FrozeAt: 1_800_000_000e9},
	Answer{State: "committed", Error: "none", Boot: 9, FirstRunUs: 340},
}

func TestMessages_GoldenBytes(t *testing.T) { imagetest.Golden(t, samples...) }

func FuzzMessages(f *testing.F) { imagetest.Fuzz(f, samples...) }

// golden reads pages.hex.
func golden(t *testing.T) []byte {
	text, err := os.ReadFile("testdata/pages.hex")
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var key = [16]byte{0x6b, 15: 0x65}

// onePage is a message of one page.
func onePage(page *[abi.PageSize]byte) []byte {
	var m PageBatch
	m.Add(StoreWord(5, 9), page)
	return m.Encode(nil, move, 7, 0, &key)
}

// onlyPage is the page of a message of one.
func onlyPage(t *testing.T, p *Pages) (word uint64, page [abi.PageSize]byte) {
	t.Helper()
	p.Entries(func(e Entry) bool {
		word = e.Word
		page[77] = 1 // something was there
		e.Page.CopyTo(&page)
		if *e.Page.In(new([abi.PageSize]byte)) != page {
			t.Error("it is another in a buffer")
		}
		return true
	})
	if p.Count != 1 {
		t.Errorf("%d pages", p.Count)
	}
	return word, page
}

func TestPages_GoldenBytes(t *testing.T) {
	want := golden(t)
	page := [abi.PageSize]byte{0: 0xfe, abi.PageSize - 1: 0xef}
	if got := onePage(&page); !bytes.Equal(got, want) {
		t.Errorf("encoded\n% x, want\n% x", got, want)
	}
	p, ok := DecodePages(want)
	if !ok || p.Move != move || p.Seq != 7 || !p.Authentic(&key) {
		t.Errorf("decoded %+v, %v", p.Move, ok)
	}
	if word, got := onlyPage(t, &p); word != StoreWord(5, 9) || got != page {
		t.Errorf("page %#x", word)
	}
	if id, ok := PagesOf(want[:streamHead]); !ok || id != move {
		t.Errorf("of the front: %v", id)
	}
	other := key
	other[3] ^= 1
	if p.Authentic(&other) {
		t.Error("another key fits")
	}
}

// Of a page those blocks are sent that are not zero, or all if that is simpler.
func TestPages_Blocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, blocks := range []int{0, 1, 2, 31, sparseMost, sparseMost + 1, 63, 64} {
		var page [abi.PageSize]byte
		for _, i := range rng.Perm(64)[:blocks] {
			page[i*blockSize+rng.IntN(blockSize)] = 1
		}
		b := onePage(&page)
		size := 8 + abi.PageSize
		if blocks <= sparseMost {
			size = 16 + blocks*blockSize
		}
		if len(b) != streamHead+size+streamTag {
			t.Errorf("%d bytes for %d blocks", len(b), blocks)
		}
		p, ok := DecodePages(b)
		if !ok {
			t.Fatalf("%d blocks", blocks)
		}
		if word, got := onlyPage(t, &p); word != StoreWord(5, 9) || got != page {
			t.Errorf("%d blocks: page %#x has become another", blocks, word)
		}
	}
}

func TestPages_RefusesWrongLengths(t *testing.T) {
	whole := onePage(&[abi.PageSize]byte{9: 1})
	for _, b := range [][]byte{nil, whole[:streamHead], whole[:len(whole)-1], append(bytes.Clone(whole), 0)} {
		if _, ok := DecodePages(b); ok {
			t.Errorf("%d bytes accepted", len(b))
		}
	}
	many := bytes.Clone(whole)
	many[20], many[21] = 2, 0xff // more words than bytes
	if _, ok := DecodePages(many); ok {
		t.Error("a wrong count accepted")
	}
}

func TestStored(t *testing.T) {
	if store, page, ok := Stored(StoreWord(77, 1<<27)); !ok || store != 77 || page != 1<<27 {
		t.Error(store, page, ok)
	}
	if _, _, ok := Stored(0x7fff_f000); ok {
		t.Error("an address is no page of a store")
	}
}

func TestPrivate(t *testing.T) {
	const addr = 0x7fff_ffff_f000
	if process, at := Private(PrivateWord(1023, addr)); process != 1023 || at != addr {
		t.Errorf("process %d, %#x", process, at)
	}
	if PrivateWord(0, addr) != addr {
		t.Error("of a process that moves alone the word is the address")
	}
	if Same(addr) || Same(StoreWord(1, 1)) {
		t.Error("neither has a page that is another's")
	}
}

// A message has pages, and pages that are the same as those of another process.
func TestPages_Same(t *testing.T) {
	var m PageBatch
	m.Add(PrivateWord(0, 0x5000), full())
	for i := 1; !m.Full(); i++ {
		m.AddSame(PrivateWord(i, 0x6000), PrivateWord(0, 0x5000))
	}
	b := m.Encode(nil, move, 1, 0, &key)
	if len(b) > PagesMaxLen || len(b) < PagesMaxLen-abi.PageSize {
		t.Errorf("%d bytes fill a message of %d", len(b), PagesMaxLen)
	}
	p, ok := DecodePages(b)
	if !ok || p.Count != 1 || len(p.data) != abi.PageSize || !p.Authentic(&key) {
		t.Fatalf("%d pages, %v", p.Count, ok)
	}
	if w := le64(p.words[8:]); !Same(w) {
		t.Errorf("%#x", w)
	}
	if process, at := Private(le64(p.words[8:])); process != 1 || at != 0x6000 {
		t.Errorf("process %d, %#x", process, at)
	}
	m.AddSame(PrivateWord(1, 0x6000), PrivateWord(0, 0x5000))
	b = m.Encode(nil, move, 1, 0, &key)
	b[20] = 1 // the second word is missing
	if _, ok := DecodePages(append(b[:streamHead+8:streamHead+8], b[len(b)-streamTag:]...)); ok {
		t.Error("accepted without the page that it is the same as")
	}
}

func TestPages_Run(t *testing.T) {
	var m PageBatch
	m.AddRun(PrivateWord(7, 0x5000), 1<<20, Away, 0)
	m.Add(PrivateWord(7, 0x4000), &[abi.PageSize]byte{1})
	b := m.Encode(nil, move, 1, 0, &key)
	p, ok := DecodePages(b)
	if !ok || p.Count != 1 {
		t.Fatalf("%d pages, %v", p.Count, ok)
	}
	word := le64(p.words)
	if _, _, stored := Stored(word); !Run(word) || Same(word) || stored {
		t.Errorf("%#x", word)
	}
	if process, addr, pages, kind := RunOf(word, le64(p.words[8:])); process != 7 || addr != 0x5000 || pages != 1<<20 || kind != Away {
		t.Errorf("process %d, %#x, %d pages, kind %d", process, addr, pages, kind)
	}
	m.AddRun(PrivateWord(7, 0x5000), 1, 4, 0)
	if _, ok := DecodePages(m.Encode(nil, move, 1, 0, &key)); ok {
		t.Error("accepted a run of no kind")
	}
	m.AddRun(PrivateWord(7, 0x5000), 1, Gone, 0)
	b = m.Encode(nil, move, 1, 0, &key)
	b[20] = 1 // the second word is missing
	if _, ok := DecodePages(append(b[:streamHead+8:streamHead+8], b[len(b)-streamTag:]...)); ok {
		t.Error("accepted half a run")
	}
}

// Of a page that was a file's those blocks are sent that are not any more.
func TestPages_Over(t *testing.T) {
	for _, changed := range []int{0, 1, 30, sparseMost + 1} {
		page, base := full(), full()
		for i := range changed {
			page[i*blockSize+i] ^= 0x80
		}
		var m PageBatch
		m.AddOver(PrivateWord(3, 0x5000), page, 7, 1<<20, base)
		m.AddOver(PrivateWord(3, 0x6000), new([abi.PageSize]byte), 7, 1<<20, base)
		b := m.Encode(nil, move, 1, 0, &key)
		size := 8 + abi.PageSize
		if changed <= sparseMost {
			size = 24 + changed*blockSize
		}
		if want := streamHead + size + 16 + streamTag; len(b) != want || len(b) != m.Len()+size+16 {
			t.Errorf("%d changed: %d bytes, want %d", changed, len(b), want)
		}
		p, ok := DecodePages(b)
		if !ok || p.Count != 2 {
			t.Fatalf("%d pages, %v", p.Count, ok)
		}
		var got []Entry
		p.Entries(func(e Entry) bool {
			got = append(got, e)
			return true
		})
		e, zeros := got[0], got[1]
		if e.Word != PrivateWord(3, 0x5000) || e.Page.Over != (changed <= sparseMost) || e.Page.Over && (e.Page.File != 7 || e.Page.At != 1<<20) {
			t.Errorf("%+v", e)
		}
		if e.Page.CopyTo(base); *base != *page {
			t.Errorf("%d changed: it has become another", changed)
		}
		if zeros.Page.Over {
			t.Error("zeros are sent as what a file's page is not")
		}
	}
}

// full is a page without a block of zeros.
func full() *[abi.PageSize]byte {
	var p [abi.PageSize]byte
	for i := range p {
		p[i] = byte(i) | 1
	}
	return &p
}

func FuzzDecodePages(f *testing.F) {
	f.Add(onePage(full()))
	f.Add(onePage(&[abi.PageSize]byte{100: 1, 4095: 2}))
	var same PageBatch
	same.AddSame(PrivateWord(1, 0x5000), PrivateWord(0, 0x5000))
	f.Add(same.Encode(nil, move, 1, 0, &key))
	f.Add(make([]byte, streamHead+streamTag))
	var over PageBatch
	over.AddOver(PrivateWord(1, 0x5000), &[abi.PageSize]byte{5, 3000: 1}, 1, 2, &[abi.PageSize]byte{5})
	f.Add(over.Encode(nil, move, 1, 0, &key))
	var run PageBatch
	run.AddRun(PrivateWord(1, 0x5000), 3, Gone, 0)
	run.AddRun(PrivateWord(1, 0x9000), 3, Filed, 7)
	f.Add(run.Encode(nil, move, 2, 0, &key))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := DecodePages(b)
		if !ok {
			return
		}
		var m PageBatch
		var pages []Page
		p.Entries(func(e Entry) bool {
			switch {
			case Same(e.Word):
				m.AddSame(e.Word, e.As)
			case Run(e.Word):
				m.words = append(m.words, e.Word, e.Next)
				if RunKind(e.Next) == Filed {
					m.words = append(m.words, e.At)
				}
			default:
				var page [abi.PageSize]byte
				e.Page.CopyTo(&page)
				pages = append(pages, e.Page)
				if e.Page.Over {
					m.AddOver(e.Word, &page, e.Page.File, e.Page.At, new([abi.PageSize]byte))
				} else {
					m.Add(e.Word, &page)
				}
			}
			return true
		})
		again, ok := DecodePages(m.Encode(nil, p.Move, p.Seq, p.Round, &key)) // a page may have been sent whole that we do not
		if !ok || again.Move != p.Move || again.Seq != p.Seq || again.Round != p.Round || again.Count != p.Count {
			t.Fatalf("%+v became %+v, %v", p.Move, again.Move, ok)
		}
		again.Entries(func(e Entry) bool {
			if Same(e.Word) || Run(e.Word) {
				return true
			}
			if *pages[0].In(new([abi.PageSize]byte)) != *e.Page.In(new([abi.PageSize]byte)) {
				t.Errorf("page %#x became another", e.Word)
			}
			pages = pages[1:]
			return true
		})
	})
}

func le64(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}
