package linuxtest

// ELF files, as little of them as a test wants.

// Segment is one program header of an ELF file and what it maps.
type Segment struct {
	Type        uint32 // PT_LOAD if 0
	Flags       uint32 // 1 execute, 2 write, 4 read
	Addr        uint64
	Data        []byte
	Memsz       uint64 // if larger than Data
	Off, Filesz uint64 // set by ELF unless Data is nil
}

// ELF is a static executable.
type ELF struct {
	Type     uint16 // 2: fixed (if 0), 3: position-independent
	Entry    uint64
	Segments []Segment
}

// Bytes lays the file out: header, program headers, and the data of each segment
// at an offset congruent to its address.
func (e ELF) Bytes() []byte {
	if e.Type == 0 {
		e.Type = 2
	}
	b := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	b = le.AppendUint16(b, e.Type)
	b = le.AppendUint16(b, 62) // x86-64
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, e.Entry)
	b = le.AppendUint64(b, 64) // program headers follow
	b = le.AppendUint64(b, 0)
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{64, 56, uint16(len(e.Segments)), 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	head := uint64(len(b) + 56*len(e.Segments))
	var data []byte
	for _, s := range e.Segments {
		if s.Data != nil {
			for (head+uint64(len(data))-s.Addr)%4096 != 0 {
				data = append(data, 0)
			}
			s.Off, s.Filesz = head+uint64(len(data)), uint64(len(s.Data))
			data = append(data, s.Data...)
		}
		if s.Type == 0 {
			s.Type = 1
		}
		b = le.AppendUint32(le.AppendUint32(b, s.Type), s.Flags)
		for _, v := range []uint64{s.Off, s.Addr, s.Addr, s.Filesz, max(s.Memsz, s.Filesz), 4096} {
			b = le.AppendUint64(b, v)
		}
	}
	return append(b, data...)
}

// Where Program lies.
const (
	ProgramText  = 0x800000
	ProgramData  = 0x900000
	ProgramEntry = ProgramText + 0x10
)

// Program is a small executable: a page of text, some data, and zeros after it.
func Program() []byte {
	return ELF{Entry: ProgramEntry, Segments: []Segment{
		{Flags: 5, Addr: ProgramText, Data: []byte("text of the program\x90\x90\x0f\x05")},
		{Flags: 6, Addr: ProgramData + 0x123, Data: []byte("data"), Memsz: 3 * 4096},
	}}.Bytes()
}
