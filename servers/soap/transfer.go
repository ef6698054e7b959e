package soap

import "encoding/binary"

// Snapshot is all of a state as bytes: the head and the directories, each behind its length.
func (s *State) Snapshot() []byte {
	add := func(b, part []byte) []byte {
		return append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	b := add(nil, s.Head())
	for _, n := range s.Directories() {
		file, _ := s.File(n)
		b = add(b, file)
	}
	return b
}

// LoadSnapshot reads it into a new state.
func (s *State) LoadSnapshot(b []byte) error {
	for first := true; first || len(b) > 0; first = false {
		if len(b) < 4 {
			return ErrFile
		}
		n := binary.BigEndian.Uint32(b)
		if b = b[4:]; uint64(n) > uint64(len(b)) {
			return ErrFile
		}
		load := s.Load
		if first {
			load = s.LoadHead
		}
		if err := load(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
