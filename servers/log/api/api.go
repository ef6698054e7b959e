package api

import (
	"encoding/binary"
	"strconv"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// Commands. Each replica serves the log's port and one of its own.
const (
	// Append adds data as an entry. Object is the writer's number, Offset the number
	// of the entry at the writer, from 1: the log has each once, however often the
	// request is repeated. The reply's Offset is the entry's index.
	Append = std.PrivateFirst + 100 + iota
	// Read returns entries from index Offset on, as many as fit. The reply's Offset is
	// the log's length, Extra the number of entries in the reply.
	Read
	// Catch returns entries for a replica that has joined: those before the mark
	// Object, from index Offset on. The reply's Offset is the length at the mark.
	Catch
)

// MaxEntry is the longest entry.
const MaxEntry = 4096

// Port is the get-port of a log of some name.
func Port(name string) capability.Port {
	return capability.Port(capability.OneWay("log", []byte(name)))
}

// ReplicaPort is the get-port of one replica.
func ReplicaPort(name string, replica int) capability.Port {
	return capability.Port(capability.OneWay("log replica", []byte(name), []byte(strconv.Itoa(replica))))
}

// GroupPort is the secret of the group that the replicas form.
func GroupPort(name string) capability.Port {
	return capability.Port(capability.OneWay("log group", []byte(name)))
}

// An Entry is a line of the log.
type Entry struct {
	Writer uint64
	Number uint64 // at the writer
	Data   []byte
}

// AppendEntry encodes an entry behind b.
func AppendEntry(b []byte, e *Entry) []byte {
	b = binary.BigEndian.AppendUint64(b, e.Writer)
	b = binary.BigEndian.AppendUint64(b, e.Number)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Data)))
	return append(b, e.Data...)
}

// Entries decodes what AppendEntry has written; ok is false if that is something else.
func Entries(b []byte) (list []Entry, ok bool) {
	const head = 20
	for len(b) > 0 {
		if len(b) < head {
			return nil, false
		}
		n := int(binary.BigEndian.Uint32(b[16:]))
		if n > MaxEntry || n > len(b)-head {
			return nil, false
		}
		list = append(list, Entry{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), b[head : head+n]})
		b = b[head+n:]
	}
	return list, true
}
