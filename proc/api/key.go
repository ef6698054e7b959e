package api

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/flip"
)

// Key is a cluster's key: what .motile/key and /etc/motile/key hold, in hex.
type Key [32]byte

// ErrKey says that a text is not a cluster key.
var ErrKey = errors.New("not a cluster key: want 64 hex digits")

// ParseKey reads a key from the text of a key file.
func ParseKey(s string) (k Key, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(s))
	if err != nil || len(b) != len(k) {
		return k, ErrKey
	}
	return Key(b), nil
}

func (k *Key) derive(domain string, n uint64) [16]byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return capability.OneWay(domain, k[:], b[:])
}

// NodeAddress is where a node's process server is found.
func (k *Key) NodeAddress(node int) flip.Address {
	return flip.Address(k.derive("motile node", uint64(node)))
}

// ProcessAddress is where the process with a pid is found, on whatever node.
func (k *Key) ProcessAddress(pid int32) flip.Address {
	return flip.Address(k.derive("motile pid", uint64(pid)))
}

// HostAddress is where the host's services are found: terminals, the time.
func (k *Key) HostAddress() flip.Address { return flip.Address(k.derive("motile host", 0)) }

// NodePort and ProcessPort are the get-ports of the services.
func (k *Key) NodePort(node int) capability.Port {
	return capability.Port(k.derive("motile node port", uint64(node)))
}

func (k *Key) ProcessPort(pid int32) capability.Port {
	return capability.Port(k.derive("motile process port", uint64(pid)))
}

// NodeSecret and ProcessSecret are what capabilities are checked against.
func (k *Key) NodeSecret(node int) capability.Secret {
	return capability.Secret(k.derive("motile node check", uint64(node)))
}

func (k *Key) ProcessSecret(pid int32) capability.Secret {
	return capability.Secret(k.derive("motile process check", uint64(pid)))
}

// NodeCap is the owner capability of a node's process server.
func (k *Key) NodeCap(node int) capability.Capability {
	return capability.Owner(k.NodePort(node).Put(), 0, k.NodeSecret(node))
}

// ProcessCap is the owner capability of a process.
func (k *Key) ProcessCap(pid int32) capability.Capability {
	return capability.Owner(k.ProcessPort(pid).Put(), uint64(pid), k.ProcessSecret(pid))
}

// Tag authenticates a broadcast: nodes tell each other of themselves by those.
func (k *Key) Tag(b []byte) [16]byte { return capability.OneWay("motile hello", k[:], b) }

// ServicePort is the get-port of a server of user programs that everybody is to find
// again after it was restarted: "soap", or "bullet" of node n. The cluster's only one of
// a name has n 0.
func (k *Key) ServicePort(name string, n int) capability.Port {
	return capability.Port(k.derive("motile service port "+name, uint64(n)))
}

// ServiceSecret is what the capability of such a server's object 0, the server itself or
// the root of what it keeps, is checked against.
func (k *Key) ServiceSecret(name string, n int) capability.Secret {
	return capability.Secret(k.derive("motile service check "+name, uint64(n)))
}

// ServiceCap is the owner capability of a server's object 0.
func (k *Key) ServiceCap(name string, n int) capability.Capability {
	return capability.Owner(k.ServicePort(name, n).Put(), 0, k.ServiceSecret(name, n))
}
