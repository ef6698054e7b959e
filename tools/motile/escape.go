package main

import "time"

// prefix is ^], which begins a command to us rather than to the node. It is
// telnet's, for the same reason: nobody types it.
const prefix = 0x1d

// The commands behind prefix.
const (
	keyLeave  = 'q'
	keyHelp   = '?'
	keyStatus = 's'
	keyMove   = 'N' // a number was typed
)

const escapeHelp = "^] q   leave; a shell goes on without you\r\n" +
	"^] N   send the foreground job to node N\r\n" +
	"^] s   who is in the foreground, and where\r\n" +
	"^] ^]  type ^]\r\n" +
	"^] ?   this help\r\n"

// command is what follows prefix. The zero command is none.
type command struct {
	key  byte
	node int // keyMove
}

// numberPause ends a number that could go on.
const numberPause = 700 * time.Millisecond

// escape separates what is typed to the node from commands to us.
type escape struct {
	last    int  // the highest number of a node
	pending bool // the last byte was prefix
	number  int  // typed so far, if more digits may follow; else 0
}

// feed takes what was typed and returns what goes to the node, up to the first
// command. Rest is what was typed behind that.
func (e *escape) feed(typed []byte) (send []byte, cmd command, rest []byte) {
	for i, b := range typed {
		rest = typed[i+1:]
		switch {
		case e.number > 0:
			if n := e.number*10 + int(b-'0'); isDigit(b) && n <= e.last {
				if cmd := e.digits(n); cmd.key != 0 {
					return send, cmd, rest
				}
				continue
			}
			cmd := e.expire()
			if b != '\r' && b != '\n' {
				rest = typed[i:] // not ours
			}
			return send, cmd, rest
		case e.pending && b == prefix:
			e.pending = false
			send = append(send, b)
		case e.pending && isDigit(b) && b != '0':
			e.pending = false
			if cmd := e.digits(int(b - '0')); cmd.key != 0 {
				return send, cmd, rest
			}
		case e.pending:
			e.pending = false
			return send, command{key: b}, rest
		case b == prefix:
			e.pending = true
		default:
			send = append(send, b)
		}
	}
	return send, command{}, nil
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// digits takes a number typed so far: it is complete when no node's number goes on
// like this.
func (e *escape) digits(n int) command {
	if n*10 > e.last {
		e.number = 0
		return command{keyMove, n}
	}
	e.number = n
	return command{}
}

// expires tells when an unfinished number is taken as it is.
func (e *escape) expires() <-chan time.Time {
	if e.number == 0 {
		return nil
	}
	return time.After(numberPause)
}

// expire takes it.
func (e *escape) expire() command {
	n := e.number
	e.number = 0
	return command{keyMove, n}
}
