package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// QMP is a connection to QEMU's control socket
// (https://www.qemu.org/docs/master/interop/qmp-spec.html).
type QMP struct {
	conn   net.Conn
	events chan Event

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan qmpMessage // by id; nil once the connection has ended
	err     error                   // why it has
}

// Event is something QEMU reports unasked, for instance "SHUTDOWN".
type Event struct {
	Name string          `json:"event"`
	Data json.RawMessage `json:"data"`
}

// qmpMessage is anything QEMU sends.
type qmpMessage struct {
	Greeting json.RawMessage `json:"QMP"`
	ID       *int            `json:"id"`
	Return   json.RawMessage `json:"return"`
	Error    *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	Event
}

// eventBacklog is how many events wait for a reader. Further ones are dropped:
// whoever needs the present state asks for it.
const eventBacklog = 64

// NewQMP takes over a connection to the control socket and negotiates.
// If that fails, the connection is closed.
func NewQMP(ctx context.Context, conn net.Conn) (*QMP, error) {
	q := &QMP{conn: conn, events: make(chan Event, eventBacklog), waiting: map[int]chan qmpMessage{}}
	in := json.NewDecoder(conn)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var hello qmpMessage
	err := in.Decode(&hello)
	if !stop() || err != nil || hello.Greeting == nil {
		conn.Close()
		return nil, errors.Join(fmt.Errorf("qmp: no greeting from QEMU"), err, ctx.Err())
	}
	go q.receive(in)
	if err := q.Execute(ctx, "qmp_capabilities", nil, nil); err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

// Execute runs a command and decodes what it returns into result, unless that
// is nil. It gives up waiting when ctx is done.
func (q *QMP) Execute(ctx context.Context, command string, arguments, result any) error {
	reply := make(chan qmpMessage, 1)
	q.mu.Lock()
	if q.waiting == nil {
		defer q.mu.Unlock()
		return fmt.Errorf("qmp: %s: %w", command, q.err)
	}
	q.nextID++
	id := q.nextID
	q.waiting[id] = reply
	q.mu.Unlock()
	defer q.abandon(id)

	line, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        int    `json:"id"`
	}{command, arguments, id})
	if err != nil {
		return fmt.Errorf("qmp: %s: %w", command, err)
	}
	if _, err := q.conn.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("qmp: %s: %w", command, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("qmp: %s: no answer from QEMU: %w", command, ctx.Err())
	case m, ok := <-reply:
		switch {
		case !ok:
			return fmt.Errorf("qmp: %s: the connection ended before the answer came", command)
		case m.Error != nil:
			return fmt.Errorf("qmp: %s: %s (%s)", command, m.Error.Desc, m.Error.Class)
		case result != nil:
			return json.Unmarshal(m.Return, result)
		}
		return nil
	}
}

func (q *QMP) abandon(id int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

// receive hands out what QEMU sends until the connection ends.
func (q *QMP) receive(in *json.Decoder) {
	var err error
	for {
		var m qmpMessage
		if err = in.Decode(&m); err != nil {
			break
		}
		switch {
		case m.Name != "":
			select {
			case q.events <- m.Event:
			default:
			}
		case m.ID != nil:
			q.mu.Lock()
			if c := q.waiting[*m.ID]; c != nil {
				delete(q.waiting, *m.ID) // its one slot is taken
				c <- m
			}
			q.mu.Unlock()
		}
	}
	q.conn.Close()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range q.waiting {
		close(c)
	}
	q.waiting, q.err = nil, err
	close(q.events)
}

// Events delivers what QEMU reports. It is closed when the connection ends.
func (q *QMP) Events() <-chan Event { return q.events }

// Close ends the connection; QEMU goes on.
func (q *QMP) Close() { q.conn.Close() }

// Status is the machine's run state: "running", "paused", "shutdown", …
func (q *QMP) Status(ctx context.Context) (string, error) {
	var s struct {
		Status string `json:"status"`
	}
	err := q.Execute(ctx, "query-status", nil, &s)
	return s.Status, err
}

// Cont lets a paused machine run, and Stop pauses it.
func (q *QMP) Cont(ctx context.Context) error { return q.Execute(ctx, "cont", nil, nil) }

// Stop pauses the machine.
func (q *QMP) Stop(ctx context.Context) error { return q.Execute(ctx, "stop", nil, nil) }

// Powerdown presses the power button, which only pc and q35 have.
func (q *QMP) Powerdown(ctx context.Context) error {
	return q.Execute(ctx, "system_powerdown", nil, nil)
}

// Quit ends QEMU.
func (q *QMP) Quit(ctx context.Context) error { return q.Execute(ctx, "quit", nil, nil) }
