package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"motile/qemu/machine"
)

// State of a node.
type State string

// A node boots, runs until it ends by itself or by us, and may boot again.
const (
	Booting State = "booting" // QEMU is there, the kernel has not answered yet
	Running State = "running" // it has
	Off     State = "off"     // powered off, or power was cut
	Failed  State = "failed"  // the kernel panicked or never answered, or QEMU failed
)

// NodeInfo is what the host knows of a node.
type NodeInfo struct {
	Number  int           `json:"node"`
	State   State         `json:"state"`
	Why     string        `json:"why,omitempty"` // it is Off or Failed
	Spec    NodeSpec      `json:"spec"`
	Cards   []Card        `json:"cards"`
	Boots   int           `json:"boots"`
	PID     int           `json:"pid,omitempty"`        // of QEMU, while there is one
	Start   uint64        `json:"start,omitempty"`      // identity.Start of QEMU
	Booted  time.Time     `json:"booted,omitzero"`      // when QEMU was last started
	BootMs  int64         `json:"boot_ms,omitempty"`    // from there until the node answered
	Log     string        `json:"log"`                  // its console, since ever
	Disk    string        `json:"disk,omitempty"`       // image of its disk, which outlives the cluster
	Console string        `json:"console_socket"`       // of QEMU; held by the cluster
	QMP     string        `json:"qmp_socket"`           // "
	GDB     string        `json:"gdb_socket,omitempty"` // for a debugger
	DiskNew bool          `json:"disk_new,omitempty"`   // that image was made for the node's first boot
	Exit    *machine.Exit `json:"exit,omitempty"`       // of its last machine
}

// Uptime is how long the node has been up.
func (n NodeInfo) Uptime() time.Duration {
	if n.PID == 0 {
		return 0
	}
	return time.Since(n.Booted).Round(time.Second)
}

// saved is state.json.
type saved struct {
	Owner owner      `json:"owner"`
	Hosts string     `json:"hosts_socket"`   // where tools attach to the bridge
	Ctl   string     `json:"control_socket"` // empty without a daemon
	Nodes []NodeInfo `json:"nodes"`
}

// save replaces state.json.
func (d Dir) save(s saved) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	tmp := d.state() + ".new"
	if err := os.WriteFile(tmp, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("cluster state: %w", err)
	}
	return os.Rename(tmp, d.state())
}

// recover cleans up after a cluster whose program was killed. Its QEMUs should
// have died with it; the record says which to look for. Preconditions: the
// lock is held.
func (d Dir) recover() (found bool, err error) {
	text, err := os.ReadFile(d.state())
	if err == nil {
		found = true
		var s saved
		json.Unmarshal(text, &s) // a damaged file names nobody
		for _, n := range s.Nodes {
			if err := (identity{n.PID, n.Start}).kill(); err != nil {
				return found, err
			}
		}
	}
	os.Remove(d.state() + ".new")
	os.Remove(d.state())
	os.Remove(d.archive())
	if err := d.removeSockets(); err != nil && !os.IsNotExist(err) {
		return found, fmt.Errorf("cluster folder %s: %w", d, err)
	}
	return found, nil
}
