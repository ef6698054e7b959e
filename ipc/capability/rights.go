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

// rightNames lists the process server's rights in the order of their bits.
var rightNames = [...]struct {
	bit  Rights
	name string
}{
	{PSRRead, "PSR_READ"},
	{PSRWrite, "PSR_WRITE"},
	{PSRCreate, "PSR_CREATE"},
	{PSRDelete, "PSR_DELETE"},
	{PSRExec, "PSR_EXEC"},
	{PSRKill, "PSR_KILL"},
	{PSRMigrate, "PSR_MIGRATE"},
}

// ErrRights says that a text names no set of rights.
var ErrRights = errors.New("capability: not a right: want ALL, NONE, names like PSR_READ or hex like 0x41")

// String lists the rights by name, joined by commas, with unnamed bits in hex.
func (r Rights) String() string {
	switch r {
	case AllRights:
		return "ALL"
	case 0:
		return "NONE"
	}
	var parts []string
	for _, n := range rightNames {
		if r&n.bit != 0 {
			parts = append(parts, n.name)
			r &^= n.bit
		}
	}
	if r != 0 {
		parts = append(parts, "0x"+strconv.FormatUint(uint64(r), 16))
	}
	return strings.Join(parts, ",")
}

// ParseRights reads what String writes. Case and the PSR_ in front of a name
// may differ, so that "read,migrate" can be typed.
func ParseRights(s string) (Rights, error) {
	var all Rights
	for _, word := range strings.Split(s, ",") {
		r, err := parseRight(strings.TrimSpace(word))
		if err != nil {
			return 0, err
		}
		all |= r
	}
	return all, nil
}

func parseRight(word string) (Rights, error) {
	upper := strings.ToUpper(word)
	switch upper {
	case "ALL":
		return AllRights, nil
	case "NONE":
		return 0, nil
	}
	for _, n := range rightNames {
		if upper == n.name || "PSR_"+upper == n.name {
			return n.bit, nil
		}
	}
	if hex, ok := strings.CutPrefix(upper, "0X"); ok {
		if v, err := strconv.ParseUint(hex, 16, 32); err == nil {
			return Rights(v), nil
		}
	}
	return 0, ErrRights
}
