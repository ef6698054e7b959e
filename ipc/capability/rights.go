package capability

import (
	"errors"
	"strconv"
	"strings"
)

// Rights is a set of permissions, one bit each. What a bit permits is the
// service's affair; the names below are those of the process server.
type Rights uint32

// AllRights marks the owner capability.
const AllRights Rights = 0xffffffff

// Rights of processes and segments, with Amoeba's numbers. PSR_MIGRATE is ours:
// Amoeba had no bit for the right to move a process.
const (
	PSRRead    Rights = 0x01 // see the descriptor and memory
	PSRWrite   Rights = 0x02 // change memory
	PSRCreate  Rights = 0x04 // make processes and segments on this node
	PSRDelete  Rights = 0x08 // remove a segment
	PSRExec    Rights = 0x10 // start a process on this node
	PSRKill    Rights = 0x20 // stun, signal, change the owner
	PSRMigrate Rights = 0x40 // move the process to another node
)

// Names is what a service calls its rights, each with its bit, and a prefix that all
// names have and that may be left out.
type Names struct {
	Prefix string
	Rights []Name
}

// Name is one right.
type Name struct {
	Bit  Rights
	Name string // without the prefix, in capitals
}

// ProcessRights are those of processes, segments and nodes.
var ProcessRights = Names{"PSR_", []Name{
	{PSRRead, "READ"},
	{PSRWrite, "WRITE"},
	{PSRCreate, "CREATE"},
	{PSRDelete, "DELETE"},
	{PSRExec, "EXEC"},
	{PSRKill, "KILL"},
	{PSRMigrate, "MIGRATE"},
}}

// ErrRights says that a text names no set of rights.
var ErrRights = errors.New("capability: not a right: want ALL, NONE, names like PSR_READ or hex like 0x41")

// String lists the rights by the process server's names, joined by commas, with
// unnamed bits in hex.
func (r Rights) String() string { return ProcessRights.Format(r) }

// ParseRights reads what String writes. Case and the PSR_ in front of a name
// may differ, so that "read,migrate" can be typed.
func ParseRights(s string) (Rights, error) { return ProcessRights.Parse(s) }

// Format lists rights by name, joined by commas, with unnamed bits in hex.
func (n *Names) Format(r Rights) string {
	switch r {
	case AllRights:
		return "ALL"
	case 0:
		return "NONE"
	}
	var parts []string
	for _, x := range n.Rights {
		if r&x.Bit != 0 {
			parts = append(parts, n.Prefix+x.Name)
			r &^= x.Bit
		}
	}
	if r != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(uint64(r), 16))
	}
	return strings.Join(parts, ",")
}

// Parse reads what Format writes, in any case, with or without the prefix.
func (n *Names) Parse(s string) (Rights, error) {
	var all Rights
	for _, word := range strings.Split(s, ",") {
		r, err := n.parse(strings.TrimSpace(word))
		if err != nil {
			return 0, err
		}
		all |= r
	}
	return all, nil
}

func (n *Names) parse(word string) (Rights, error) {
	upper := strings.ToUpper(word)
	switch upper {
	case "ALL":
		return AllRights, nil
	case "NONE":
		return 0, nil
	}
	for _, x := range n.Rights {
		if upper == x.Name || upper == n.Prefix+x.Name {
			return x.Bit, nil
		}
	}
	if hex, ok := strings.CutPrefix(upper, "0X"); ok {
		if v, err := strconv.ParseUint(hex, 16, 32); err == nil {
			return Rights(v), nil
		}
	}
	return 0, ErrRights
}
