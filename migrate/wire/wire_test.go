package wire

import (
	"bytes"
	"encoding/hex"
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

// golden reads pages.hex: what is before the page, and the tag behind it.
func golden(t *testing.T) (front, tag []byte) {
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
	return b[:len(b)-streamTag], b[len(b)-streamTag:]
}

var key = [16]byte{0x6b, 15: 0x65}

// onePage is a message of one page.
func onePage(page *[abi.PageSize]byte) []byte {
	var m PageBatch
	m.Add(StoreWord(5, 9), page)
	return m.Encode(nil, move, 7, 0, &key)
}

func TestPages_GoldenBytes(t *testing.T) {
	front, tag := golden(t)
	page := [abi.PageSize]byte{0: 0xfe, abi.PageSize - 1: 0xef}
	want := append(append(bytes.Clone(front), page[:]...), tag...)
	if got := onePage(&page); !bytes.Equal(got, want) {
		t.Errorf("encoded % x … % x, want % x … % x", got[:len(front)], got[len(got)-streamTag:], front, tag)
	}
	p, ok := DecodePages(want)
	if !ok || p.Move != move || p.Seq != 7 || !bytes.Equal(p.Data, page[:]) || !p.Authentic(&key) {
		t.Errorf("decoded %+v, %v", p.Move, ok)
	}
	if id, ok := PagesOf(front); !ok || id != move {
		t.Errorf("of the front: %v", id)
	}
	other := key
	other[3] ^= 1
	if p.Authentic(&other) {
		t.Error("another key fits")
	}
}

func TestPages_RefusesWrongLengths(t *testing.T) {
	whole := onePage(new([abi.PageSize]byte))
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
	m.Add(PrivateWord(0, 0x5000), &[abi.PageSize]byte{1})
	for i := 1; !m.Full(); i++ {
		m.AddSame(PrivateWord(i, 0x6000), PrivateWord(0, 0x5000))
	}
	b := m.Encode(nil, move, 1, 0, &key)
	if len(b) > PagesMaxLen || len(b) < PagesMaxLen-abi.PageSize {
		t.Errorf("%d bytes fill a message of %d", len(b), PagesMaxLen)
	}
	p, ok := DecodePages(b)
	if !ok || p.Count != 1 || len(p.Data) != abi.PageSize || !p.Authentic(&key) {
		t.Fatalf("%d pages, %v", p.Count, ok)
	}
	if w := le64(p.Words[8:]); !Same(w) {
		t.Errorf("%#x", w)
	}
	if process, at := Private(le64(p.Words[8:])); process != 1 || at != 0x6000 {
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
	word := le64(p.Words)
	if _, _, stored := Stored(word); !Run(word) || Same(word) || stored {
		t.Errorf("%#x", word)
	}
	if process, addr, pages, kind := RunOf(word, le64(p.Words[8:])); process != 7 || addr != 0x5000 || pages != 1<<20 || kind != Away {
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

func FuzzDecodePages(f *testing.F) {
	f.Add(onePage(new([abi.PageSize]byte)))
	var same PageBatch
	same.AddSame(PrivateWord(1, 0x5000), PrivateWord(0, 0x5000))
	f.Add(same.Encode(nil, move, 1, 0, &key))
	f.Add(make([]byte, streamHead+streamTag))
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
		for words, data := p.Words, p.Data; len(words) > 0; words = words[8:] {
			if w := le64(words); Same(w) {
				words = words[8:]
				m.AddSame(w, le64(words))
			} else if Run(w) {
				words = words[8:]
				m.words = append(m.words, w, le64(words))
				if _, _, _, kind := RunOf(w, le64(words)); kind == Filed {
					words = words[8:]
					m.words = append(m.words, le64(words))
				}
			} else {
				m.Add(w, (*[abi.PageSize]byte)(data))
				data = data[abi.PageSize:]
			}
		}
		again := m.Encode(nil, p.Move, p.Seq, p.Round, &key)
		if !bytes.Equal(again[:len(again)-streamTag], b[:len(b)-streamTag]) {
			t.Errorf("%d bytes became other %d", len(b), len(again))
		}
	})
}

func le64(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}
