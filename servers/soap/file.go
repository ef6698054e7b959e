package soap

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// ErrFile says that bytes are not a directory, or not the rest of a state.
var ErrFile = errors.New("soap: damaged, or of another version")

// A directory's file, all numbers big-endian:
//
//	 0  4  "SOAP"
//	 4  1  version, 1
//	 5  1  ages to live
//	 6  8  number
//	14  8  sequence number
//	22 16  secret
//	38     columns and rows: std.SoapListing, with sets
const (
	fileMagic   = "SOAP"
	fileVersion = 1
	fileHead    = 38
)

func encodeListing(d *directory) []byte {
	return std.SoapEncode(&std.SoapListing{Columns: d.columns, Rows: d.rows})
}

func (d *directory) encode() []byte {
	b := append([]byte(fileMagic), fileVersion, byte(d.life))
	b = binary.BigEndian.AppendUint64(b, d.number)
	b = binary.BigEndian.AppendUint64(b, d.seq)
	b = append(b, d.secret[:]...)
	return append(b, encodeListing(d)...)
}

func decodeDirectory(b []byte) (*directory, error) {
	if len(b) < fileHead || string(b[:4]) != fileMagic || b[4] != fileVersion {
		return nil, ErrFile
	}
	var l std.SoapListing
	if std.SoapDecode(b[fileHead:], &l) != nil || len(l.Columns) == 0 {
		return nil, ErrFile
	}
	d := &directory{life: int(b[5]), number: binary.BigEndian.Uint64(b[6:]), seq: binary.BigEndian.Uint64(b[14:]),
		secret: capability.Secret(b[22:fileHead]), columns: l.Columns, rows: l.Rows, bytes: len(b) - fileHead}
	for i := range d.rows {
		if i > 0 && d.rows[i-1].Name >= d.rows[i].Name || len(d.rows[i].Masks) != len(d.columns) {
			return nil, ErrFile
		}
	}
	return d, nil
}

// File is the file of a directory; ok is false if there is none of that number.
func (s *State) File(number uint64) (b []byte, ok bool) {
	d := s.dirs[number]
	if d == nil {
		return nil, false
	}
	return d.encode(), true
}

// Directories lists all, by number.
func (s *State) Directories() []uint64 { return slices.Sorted(maps.Keys(s.dirs)) }

// Load adds the directory of a file.
func (s *State) Load(file []byte) error {
	d, err := decodeDirectory(file)
	if err != nil {
		return err
	}
	s.put(d)
	return nil
}

// Drop removes a directory, when a state is put together.
func (s *State) Drop(number uint64) {
	if d := s.dirs[number]; d != nil {
		s.remove(d)
	}
}

// Head is the state without its directories.
//
//	 0  8  epoch
//	 8  8  sequence number
//	16  8  number of the next directory
//	24     outcomes, the oldest first: number, reply (std.Header)
const headFixed = 24

// Head encodes it.
func (s *State) Head() []byte { return s.head(rememberedOutcomes) }

// head has so many of the latest outcomes at most.
func (s *State) head(most int) []byte {
	b := binary.BigEndian.AppendUint64(nil, s.Epoch)
	b = binary.BigEndian.AppendUint64(b, s.Seq)
	b = binary.BigEndian.AppendUint64(b, s.next)
	for _, number := range s.done.order[max(0, len(s.done.order)-most):] {
		b = binary.BigEndian.AppendUint64(b, number)
		h := s.done.byNumber[number]
		var wire [std.HeaderLen]byte
		h.PutWire(&wire)
		b = append(b, wire[:]...)
	}
	return b
}

// LoadHead reads what Head has written.
func (s *State) LoadHead(b []byte) error {
	const each = 8 + std.HeaderLen
	if len(b) < headFixed || (len(b)-headFixed)%each != 0 || len(b) > headFixed+rememberedOutcomes*each {
		return ErrFile
	}
	s.Epoch, s.Seq, s.next = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	s.done = outcomes{}
	for b = b[headFixed:]; len(b) > 0; b = b[each:] {
		var h std.Header
		h.GetWire((*[std.HeaderLen]byte)(b[8:each]))
		s.done.add(binary.BigEndian.Uint64(b), h)
	}
	return nil
}
