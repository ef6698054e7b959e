package soap

import (
	"encoding/binary"
	"fmt"

	"motile/ipc/std"
)

// A replica's disk has a checkpoint, and the updates since: those that come together are
// one small file, however large the directories are that they change. Who starts loads the
// checkpoint and carries the updates out again: they do the same as they did.

// journal is updates one behind the other, each behind its length.
type journal struct {
	b []byte
	n uint64 // how many
}

// add adds an update, if there are no more than so many bytes then.
func (j *journal) add(u *Update, most int) bool {
	if len(j.b)+4+std.HeaderLen+stampLen+len(u.Data) > most {
		return false
	}
	var h [std.HeaderLen]byte
	u.Header.PutWire(&h)
	data := u.Encode()
	j.b = binary.BigEndian.AppendUint32(j.b, uint32(len(h)+len(data)))
	j.b = append(append(j.b, h[:]...), data...)
	j.n++
	return true
}

// eachUpdate reads what add has written.
func eachUpdate(b []byte, do func(u *Update) error) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return ErrFile
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) || n < std.HeaderLen {
			return ErrFile
		}
		var h std.Header
		h.GetWire((*[std.HeaderLen]byte)(b))
		u, ok := DecodeUpdate(h, b[std.HeaderLen:n])
		if !ok {
			return ErrFile
		}
		if err := do(&u); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// maxJournal bounds the updates of one file, and of a replica whose disk is not written.
const maxJournal = 128 << 10

// remember keeps an update for the disk. If there are too many, the directories themselves must
// be written: it shows in their number.
func (s *State) remember(u *Update) {
	if s.journals {
		s.journal.add(u, maxJournal)
	}
}

// replay carries updates out that a state has lost.
func (s *State) replay(b []byte) error {
	refused, stats := s.svc.Refused, s.svc.Stats
	s.svc.Refused = nil // that was said when it happened
	defer func() { s.svc.Refused, s.svc.Stats = refused, stats }()
	return eachUpdate(b, func(u *Update) error {
		seq := s.Seq
		if s.Apply(u); s.Seq != seq+1 {
			return fmt.Errorf("update %d: %w", seq+1, ErrFile)
		}
		return nil
	})
}

// A file of updates is "SOAL", all numbers big-endian:
//
//	 0  4  "SOAL"
//	 4  1  version, 1
//	 5  8  serial number of the record that it goes on from
//	13  8  its number among those, from 1
//	21  8  sequence number of the state before it
//	29     updates: length 4, header (std.Header), Update.Encode
const (
	logMagic = "SOAL"
	logHead  = 29
)

type logFile struct {
	serial, number, from uint64
	updates              []byte
}

func (l *logFile) encode() []byte {
	b := append(make([]byte, 0, logHead+len(l.updates)), logMagic...)
	b = append(b, fileVersion)
	for _, v := range []uint64{l.serial, l.number, l.from} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return append(b, l.updates...)
}

func decodeLog(b []byte) (l logFile, err error) {
	if len(b) < logHead || string(b[:4]) != logMagic || b[4] != fileVersion {
		return l, ErrFile
	}
	at := func(i int) uint64 { return binary.BigEndian.Uint64(b[i:]) }
	return logFile{at(5), at(13), at(21), b[logHead:]}, nil
}
