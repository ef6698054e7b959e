package nodetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"motile/kernel/abi"
	"motile/kernel/object"
	"motile/proc/api"
)

const (
	mappedPages = 20
	mapTurns    = 40
	mapAddrAt   = 2048 // where the program keeps the address
)

// synced is what mapWriter's file is known to have.
var synced uint32

// mapWriter maps a file, closes it, and writes a number into every third page of it, one
// higher each time, and zero into the one before; after each msync the server has it. Then
// it ends: by munmap, by exit, or by exec of nothing, as B says.
var mapWriter = Register(func(u *User) {
	const size = mappedPages*4096 - 100
	at := u.Load(DataBase + mapAddrAt)
	switch u.PC() {
	case 0:
		u.Call(1, abi.SysOpen, u.Put(fileNameAt, []byte("/tmp/map\x00")), object.OCreat|object.ORdwr, 0o644)
	case 1:
		if u.Ret != 3 {
			panic(fmt.Sprintf("open: %d", u.Ret))
		}
		u.Call(2, abi.SysFtruncate, 3, size)
	case 2:
		u.Call(3, abi.SysMmap, 0, size, 3, 1, 3, 0)
	case 3:
		if u.Ret <= 0 {
			panic(fmt.Sprintf("mmap: %d", u.Ret))
		}
		u.Put(mapAddrAt, binary.LittleEndian.AppendUint64(nil, uint64(u.Ret)))
		u.Call(4, abi.SysClose, 3)
	case 4, 6:
		if u.PC() == 6 {
			if u.Ret != 0 {
				panic(fmt.Sprintf("msync: %d", u.Ret))
			}
			synced = uint32(u.A())
		}
		u.SetA(u.A() + 1)
		for i := range uint64(mappedPages) {
			switch {
			case i%3 == u.A()%3:
				u.poke(at+4096*i, uint32(u.A()))
			case (i+1)%3 == u.A()%3:
				u.poke(at+4096*i, 0)
			}
		}
		switch {
		case u.A() < mapTurns:
			u.Call(5, abi.SysNanosleep, u.Put(wordsAt, binary.LittleEndian.AppendUint64(make([]byte, 8), 3e6)), 0)
		case u.B() == 0:
			u.Call(7, abi.SysMunmap, at, size)
		default:
			u.Call(8, abi.SysExitGroup, 0)
		}
	case 5:
		u.Call(6, abi.SysMsync, at, size, 4)
	case 7:
		if u.Ret != 0 {
			panic(fmt.Sprintf("munmap: %d", u.Ret))
		}
		synced = uint32(u.A())
		u.Call(8, abi.SysExitGroup, 0)
	}
})

// mapText is what the file has after a turn.
func mapText(turn uint32) []byte {
	b := make([]byte, mappedPages*4096)
	for i := range uint32(mappedPages) {
		for n := uint32(1); n <= turn; n++ {
			switch {
			case i%3 == n%3:
				binary.LittleEndian.PutUint32(b[4096*i:], n)
			case (i+1)%3 == n%3:
				binary.LittleEndian.PutUint32(b[4096*i:], 0)
			}
		}
	}
	return b[:mappedPages*4096-100]
}

// What a program writes into a mapped file of a server is there after msync, munmap and
// exit, while it moves about on a bad wire; and what it has not written the server does
// not get from it again.
func TestMapping_WrittenBack(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := New(t, 3, seed)
			w.Wire.Loss, w.Wire.Dup = 0.01*float64(seed%3), 0.01*float64(seed%2)
			f := w.fileServer()
			synced = 0
			p := w.Nodes[1].Start(mapWriter)
			for fd := range int32(3) {
				p.FDs.Set(fd, object.NewFile(object.Null{}, object.ORdwr, "/dev/null"), false)
			}
			p.Leader().Frame.R12 = seed % 2
			pid, moves := p.PID, 0
			seen := uint32(0)
			for i := 0; ; i++ {
				on := w.On(pid)
				if on == 0 && (seed%2 == 1 || synced == mapTurns) {
					break
				}
				if i > 4000 {
					t.Fatalf("never done: %d\n%s", synced, w.Describe())
				}
				if on != 0 && i%3 == 0 {
					w.Host.Migrate(pid, on, on%3+1, func(r api.MigrateReply) {
						if r.Error == "" {
							moves++
						}
					})
				}
				// The server has that turn, or some pages of the next.
				if seen != synced {
					seen = synced
					got, want, next := f.s.Contents("map"), mapText(seen), mapText(seen+1)
					for k := 0; k < len(want); k += 4096 {
						end := min(k+4096, len(want))
						if !bytes.Equal(got[k:end], want[k:end]) && !bytes.Equal(got[k:end], next[k:end]) {
							t.Fatalf("page %d is %x after msync of %d", k/4096, got[k:k+4], seen)
						}
					}
				}
				w.Run(4e6)
			}
			w.Run(20e9)
			if got := f.s.Contents("map"); !bytes.Equal(got, mapText(mapTurns)) {
				t.Errorf("the file is another one than was written")
			}
			if moves < 1 {
				t.Errorf("%d moves", moves)
			}
			if n := f.s.Open(); n != 0 {
				t.Errorf("%d files are open at the server, and nobody has one", n)
			}
			w.CheckEmpty()
		})
	}
}
