package e2e

import "maps"

// manner is how a feature differs from the others.
type manner struct {
	residual     bool              // it moves only if what is node-local may stay behind
	childrenStay bool              // its children are not moved: they live too short
	tree         bool              // it moves with its children, as one
	motileOnly   string            // why it does not run on the host's Linux
	unless       map[string]string // why an event does not apply
}

// A copy has no relatives.
var notCopied = map[string]string{"restart": "a copy has no running children"}

var parent = manner{unless: notCopied}

// Files of a node stay there; a process that has one open for writing goes on with it
// from afar, if it may. A copy has no such file.
var localFile = manner{residual: true, unless: map[string]string{
	"restart": "a copy has no file of another node open for writing",
	"shake":   ownPath,
}}

const ownPath = "a path is a node's own: where the process is when it opens the file again, there may be none"

var manners = map[string]manner{
	"append": localFile,

	"cow":          parent,
	"epoll-closed": {tree: true, unless: watches},
	"fifo": {unless: map[string]string{
		"restart": "a copy has no FIFO of another node open",
		"shake":   ownPath,
	}},
	"file-locks":     and(localFile, notCopied),
	"group-signal":   parent,
	"job-control":    parent,
	"orphan":         parent,
	"pidfd":          parent,
	"pipe-end":       parent,
	"pipe-relatives": parent,
	"pty":            parent,
	"record-locks":   and(localFile, notCopied),
	"session":        parent,
	"shared-flags":   parent,
	"shared-offset":  parent,
	"sigpipe":        parent,
	"wait4":          parent,
	"winsize":        parent,
	"waitid":         parent,

	"posix-spawn": {childrenStay: true, unless: notCopied},
	"sigchld":     {childrenStay: true, unless: notCopied},
	"vfork":       {childrenStay: true, unless: notCopied},

	"go-exec": {childrenStay: true, unless: notCopied},
	"rpc-server": {motileOnly: native, unless: map[string]string{
		"restart": "at most once forbids that a copy repeats a request: it fails",
	}},
	"group-member": {motileOnly: native, unless: map[string]string{
		"restart": "a copy is in no group: its calls end",
	}},
	"raw-flip": {motileOnly: native, unless: map[string]string{
		"restart": "a copy has other addresses",
	}},

	"exec":          {unless: map[string]string{"restart": "a copy has another pid"}},
	"exec-threads":  {unless: map[string]string{"restart": "a copy has another pid"}},
	"shared-memory": {tree: true, unless: alone},
}

const native = "the calls are Motile's own"

var watches = map[string]string{
	"shake":   "it is shaken by itself, and a watch on a file whose descriptor the process has closed does not move",
	"restart": "a copy has no running children",
}

var alone = map[string]string{
	"shake":   "it is shaken by itself, and relatives that share memory move as a tree only",
	"restart": "a copy has no running children",
}

// and adds to where a manner does not apply.
func and(m manner, unless map[string]string) manner {
	both := maps.Clone(m.unless)
	maps.Copy(both, unless)
	m.unless = both
	return m
}
