package main

// prefix is ^], which begins a command to us rather than to the node. It is
// telnet's, for the same reason: nobody types it.
const prefix = 0x1d

// The commands behind prefix.
const (
	keyDetach = 'q'
	keyHelp   = '?'
)

const escapeHelp = "^] q   detach\r\n" +
	"^] N   send the foreground job to node N\r\n" +
	"^] ^]  type ^]\r\n" +
	"^] ?   this help\r\n"

// escape separates what is typed to the node from commands to us.
type escape struct {
	pending bool // the last byte was prefix
}

// feed takes what was typed and returns what goes to the node, up to the first
// command. Rest is what was typed behind that; cmd is 0 if there was none.
func (e *escape) feed(typed []byte) (send []byte, cmd byte, rest []byte) {
	for i, b := range typed {
		switch {
		case e.pending:
			e.pending = false
			if b != prefix {
				return send, b, typed[i+1:]
			}
			send = append(send, b)
		case b == prefix:
			e.pending = true
		default:
			send = append(send, b)
		}
	}
	return send, 0, nil
}
