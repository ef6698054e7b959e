package cluster

import (
	"encoding/json"
	"time"

	"motile/qemu/bridge"
)

// The control protocol: JSON, a line each. A client sends requests one after
// the other; the daemon answers each with any number of lines that report
// progress and one that has a result or an error. After the answer to
// opConsole the connection is the serial console, raw, in both directions;
// after that to opTerminal it is a terminal (attach.go). Who closes the
// connection gives up the request under way.

type request struct {
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args,omitempty"`
}

type reply struct {
	Progress string          `json:"progress,omitempty"`
	Error    string          `json:"error,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"` // never empty in a success
}

// Requests, with the types of their arguments and results.
const (
	opStatus       = "status"        // none → Status
	opAdd          = "node.add"      // addArgs → []NodeInfo
	opKill         = "node.kill"     // nodeArgs → NodeInfo
	opRestart      = "node.restart"  // nodeArgs → NodeInfo
	opFaults       = "bridge.faults" // FaultChange → []NetFaults
	opCaptureStart = "capture.start" // captureArgs → none
	opCaptureStop  = "capture.stop"  // none → bridge.CaptureStats
	opConsole      = "console"       // consoleArgs → none
	opTerminal     = "terminal"      // TerminalOptions → none
	opTerminalInfo = "terminal.info" // nodeArgs → TerminalInfo
	opDown         = "down"          // none → none
)

type none struct{}

type addArgs struct {
	Nodes []NodeSpec `json:"nodes"`
}

type nodeArgs struct {
	Node int `json:"node"`
}

type captureArgs struct {
	File string `json:"file"` // absolute
}

// TerminalOptions say how to attach to a node's terminal.
type TerminalOptions struct {
	Node  int    `json:"node"`
	Lines int    `json:"lines"` // of the past to begin with
	Term  string `json:"term"`  // $TERM of a shell that is started
	windowSize
}

type consoleArgs struct {
	Node  int `json:"node"`
	Lines int `json:"lines"` // of the past to begin with
}

// Status is a cluster at one moment.
type Status struct {
	Dir    Dir          `json:"dir"`
	PID    int          `json:"pid"` // of the daemon
	Since  time.Time    `json:"since"`
	Hosts  string       `json:"hosts_socket"` // where tools attach to the first network
	Kernel string       `json:"kernel"`
	Initrd string       `json:"initrd,omitempty"` // what nodes boot; without one they have no key
	Nodes  []NodeInfo   `json:"nodes"`
	Bridge bridge.Stats `json:"bridge"` // of the first network
	Nets   []Network    `json:"networks"`
}
