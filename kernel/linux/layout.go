package linux

import (
	"encoding/binary"

	"motile/kernel/object"
)

// What the calls read and write in user memory: little-endian, laid out as Linux
// does on x86-64.

var le = binary.LittleEndian

func words(v ...uint64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = le.AppendUint64(b, x)
	}
	return b
}

// timespec, timeval: seconds and a fraction.
func timespec(ns int64) []byte { return words(uint64(ns/1e9), uint64(ns%1e9)) }
func timeval(ns int64) []byte  { return words(uint64(ns/1e9), uint64(ns%1e9/1e3)) }

// parseTimespec reports false for what clock_nanosleep(2) calls invalid. Times
// beyond 292 years count as that.
func parseTimespec(b []byte) (ns int64, ok bool) {
	s, n := int64(le.Uint64(b)), int64(le.Uint64(b[8:]))
	return join(s, n, 1e9)
}

func parseTimeval(b []byte) (ns int64, ok bool) {
	s, us := int64(le.Uint64(b)), int64(le.Uint64(b[8:]))
	if us < 0 || us >= 1e6 {
		return 0, false
	}
	return join(s, us*1e3, 1e9)
}

func join(s, n, limit int64) (int64, bool) {
	const forever int64 = 1<<63 - 1
	if s < 0 || n < 0 || n >= limit {
		return 0, false
	}
	if s >= forever/1e9 {
		return forever / 2, true
	}
	return s*1e9 + n, true
}

// stat is struct stat: 144 bytes.
func stat(s object.Stat) []byte {
	b := words(1, s.Ino, s.Nlink)
	b = le.AppendUint32(b, s.Mode)
	b = append(b, make([]byte, 12)...) // uid, gid, padding
	b = append(b, words(s.Rdev, uint64(s.Size), 4096, uint64(s.Size+511)/512)...)
	for range 3 {
		b = append(b, timespec(s.Mtime)...)
	}
	return append(b, make([]byte, 24)...)
}

// statx is struct statx: 256 bytes, with the basic fields.
func statx(s object.Stat) []byte {
	const basic = 0x7ff
	b := le.AppendUint32(nil, basic)
	b = le.AppendUint32(b, 4096)
	b = append(b, words(0)...)
	b = le.AppendUint32(b, uint32(s.Nlink))
	b = append(b, make([]byte, 8)...) // uid, gid
	b = le.AppendUint16(b, uint16(s.Mode))
	b = append(b, 0, 0)
	b = append(b, words(s.Ino, uint64(s.Size), uint64(s.Size+511)/512, 0)...)
	for range 4 { // atime, btime, ctime, mtime
		b = append(b, words(uint64(s.Mtime/1e9), uint64(s.Mtime%1e9))...)
	}
	b = le.AppendUint32(b, uint32(s.Rdev>>8&0xfff))
	b = le.AppendUint32(b, uint32(s.Rdev&0xff))
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, 1)
	return append(b, make([]byte, 256-len(b))...)
}

// rusage is struct rusage: 144 bytes.
func rusage(user, system int64) []byte {
	b := append(timeval(user), timeval(system)...)
	return append(b, make([]byte, 144-len(b))...)
}

// statfs is struct statfs: 120 bytes.
func statfs(total, free uint64) []byte {
	const ramfsMagic = 0x858458f6
	b := words(ramfsMagic, 4096, total, free, free, 0, 0, 0, 255, 4096, 0)
	return append(b, make([]byte, 120-len(b))...)
}
