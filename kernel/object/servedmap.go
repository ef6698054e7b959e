package object

import (
	"encoding/binary"
	"hash/crc64"

	"motile/ipc/filesys"
	"motile/ipc/std"
	"motile/kernel/abi"
	"motile/kernel/vm"
)

// Mapping is the memory of a description of a served file that is mapped shared and may
// be written: a copy of the file, whose changed pages go to the server with munmap, msync
// and the last close. What others write meanwhile is not seen in it.
type Mapping struct {
	Store *vm.Store
	sums  []uint64 // of each page as the server has it; 0: zeros
	// Live: it is here that the process runs which has it. Else nothing is written back.
	Live bool
}

// MaxMapping bounds a file that is mapped so: sums are in the kernel's heap and in the image.
const MaxMapping = 32 << 20

// noSum is that of a page that the server may not have as it was sent.
const noSum = ^uint64(0)

var (
	crcTable = crc64.MakeTable(crc64.ECMA)
	zeroSum  = crc64.Checksum(make([]byte, vm.PageBytes), crcTable)
)

func sum(page []byte) uint64 { return crc64.Checksum(page, crcTable) - zeroSum }

// NewMapping copies a file as it is now. It is nil when memory is short.
func NewMapping(file *vm.Store, size int64) *Mapping {
	m := &Mapping{Live: true, Store: vm.NewStore(), sums: make([]uint64, (size+vm.PageBytes-1)/vm.PageBytes)}
	m.Store.SetSize(size)
	var page [vm.PageBytes]byte
	for i := range m.sums {
		n := file.ReadAt(page[:], int64(i)*vm.PageBytes)
		clear(page[n:])
		if m.sums[i] = sum(page[:]); m.sums[i] == 0 {
			continue
		}
		to := m.Store.Install(i)
		if to == nil {
			m.Store.Release()
			return nil
		}
		*to = page
	}
	return m
}

// Changed copies pages that the server does not have, as many as lie together from page
// i on and fit into buf, and takes them to be sent. n is how many bytes; 0: there are none.
func (m *Mapping) Changed(i int, buf []byte) (page, n int) {
	for page = max(i, 0); page < len(m.sums); page++ { // an image may say anything
		for k := page; k < len(m.sums) && n+vm.PageBytes <= len(buf); k++ {
			got, changed := m.changed(k, buf[n:n+vm.PageBytes])
			if !changed {
				break
			}
			n += got
		}
		if n > 0 {
			return page, n
		}
	}
	return page, 0
}

// changed copies a page if the server does not have it so.
func (m *Mapping) changed(i int, page []byte) (n int, changed bool) {
	if at, frame := m.Store.NextPage(i); m.sums[i] == 0 && (frame == 0 || at != i) {
		return 0, false
	}
	n = m.Store.ReadAt(page, int64(i)*vm.PageBytes)
	clear(page[n:])
	now := sum(page)
	changed = now != m.sums[i]
	m.sums[i] = now
	return n, changed
}

// Unsent takes it back that pages were sent.
func (m *Mapping) Unsent(page, n int) {
	for i := page; i < len(m.sums) && i*vm.PageBytes < page*vm.PageBytes+n; i++ {
		m.sums[i] = noSum
	}
}

// Sums are those of all pages, for the image.
func (m *Mapping) Sums() (b []byte) {
	for _, s := range m.sums {
		b = binary.BigEndian.AppendUint64(b, s)
	}
	return b
}

// RestoreMapping is a mapping that has come with a process. It takes over a use of the store.
func RestoreMapping(st *vm.Store, sums []byte) *Mapping {
	m := &Mapping{Store: st, sums: make([]uint64, (min(st.Size(), MaxMapping)+vm.PageBytes-1)/vm.PageBytes)}
	for i := range m.sums {
		if m.sums[i] = noSum; len(sums) >= 8 {
			m.sums[i], sums = binary.BigEndian.Uint64(sums), sums[8:]
		}
	}
	return m
}

// AskWrite sends changed pages of the description's mapping to the server, from page i on. It reports
// false if there are none.
func (s *Served) AskWrite(op *Op, i int) (page, n int, asked bool) {
	buf := make([]byte, filesys.MaxData)
	if page, n = s.Mapped.Changed(i, buf); n == 0 {
		return page, 0, false
	}
	s.Ask(op, s.toWrite(op, uint64(page)*vm.PageBytes), buf[:n])
	return page, n, true
}

// Wrote takes the answer to that.
func (s *Served) Wrote(op *Op, a *Answer) (errno int) { return s.sent(a, op.Asked[askedTicket]) }

func (s *Served) sent(a *Answer, ticket uint64) (errno int) {
	w, _, ok := filesys.DecodeWritten(a.Data)
	if errno = served(a); errno != 0 {
		return errno
	}
	if !ok {
		return abi.EIO
	}
	s.Known.noted(a, &w, ticket)
	return 0
}

// writeBack sends what is left of a mapping that nobody can write to any more, from page
// i on, one message after the other, and calls done.
func (s *Served) writeBack(m *Mapping, i int, done func()) {
	buf := make([]byte, filesys.MaxData)
	page, n := m.Changed(i, buf)
	if n == 0 {
		done()
		return
	}
	ticket := s.Known.ticket(0) // what time it is nobody here knows
	h := s.Known.writeHeader(uint64(page) * vm.PageBytes)
	h.SetCapability(s.Cap)
	s.Known.files.Call(h, buf[:n], func(a *Answer) {
		if s.sent(a, ticket) != 0 {
			done() // there is nobody who could be told
			return
		}
		s.writeBack(m, page+n/vm.PageBytes, done)
	})
}

// AskPages asks for pages of the file, from an offset on, which FillPages will keep.
func (s *Served) AskPages(op *Op, off int64) {
	size, large := s.Known.files.large.room(op, filesys.MaxRead)
	op.Asked[askedLarge], op.Asked[askedTicket] = large, s.Known.ticket(op.Now)
	s.Ask(op, &std.Header{Command: filesys.Read, Offset: uint64(off), Size: uint32(size), Extra: s.Known.node()}, nil)
}

// FillPages takes the answer.
func (s *Served) FillPages(op *Op, a *Answer, off int64) bool {
	s.Known.files.large.end(op.Asked[askedLarge])
	w, data, ok := filesys.DecodeWritten(a.Data)
	if ok {
		s.Known.Fill(op.Now, a, &w, op.Asked[askedTicket], off, data)
	}
	return ok
}

// EndMapping gives the description's memory back. What is left of it goes to the server;
// as long as that takes the node has the file open.
func (s *Served) EndMapping() {
	m := s.Mapped
	if m == nil {
		return
	}
	s.Mapped = nil
	if !m.Live {
		m.Store.Release()
		return
	}
	s.Known.uses++
	fs := s.Known.files
	fs.leftovers = append(fs.leftovers, func() {
		s.writeBack(m, 0, func() {
			m.Store.Release()
			s.Known.closed(nil)
			if fs.leftovers = fs.leftovers[1:]; len(fs.leftovers) > 0 {
				fs.leftovers[0]()
			}
		})
	})
	if len(fs.leftovers) == 1 {
		fs.leftovers[0]()
	}
}
