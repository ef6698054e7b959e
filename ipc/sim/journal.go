package sim

import "motile/ipc/std"

// Journal knows what the members of a group have sent and received. It demands what
// a group promises if no crash can undo a safe message: if its resilience is so high
// that whoever makes a new view has met one who had the message.
//
//	a number belongs to one message, and a message has one number
//	a member's log is a prefix of the longest, from the message after its join on
//	a send that returned OK is in the log, under that number
type Journal struct {
	Cluster *Cluster
	Posts   []*Post // by number of the message, which counts from 1
	Begun   int
	Ended   int
	By      map[std.Status]int // ends, by status
	Last    uint64             // the highest seqno

	created bool
	order   int64
	at      map[uint64]uint64 // which message has a seqno
	members []*diary
}

// Post is a message that was sent: what its sender knows of it, and the others.
type Post struct {
	Begun, Ended int64 // in the order of all begins and ends; -1 while it has not ended
	Status       std.Status
	Seqno        uint64 // 0: nobody knows one
	Before       uint64 // seqno of the message that was received before it; 0: of none
	Follows      bool   // Before is known: somebody has received both, or the first of all
}

// diary is what one membership has received: all data between start and last.
type diary struct {
	name        string
	start, last uint64
}

// NewJournal returns the journal of a group that nobody has created.
func NewJournal(c *Cluster) *Journal {
	return &Journal{Cluster: c, By: make(map[std.Status]int), at: make(map[uint64]uint64)}
}

// begin notes that a message is being sent, and numbers it.
func (j *Journal) begin() (id uint64) {
	j.Begun++
	j.order++
	j.Posts = append(j.Posts, &Post{Begun: j.order, Ended: -1})
	return uint64(len(j.Posts))
}

// end notes how a send has ended.
func (j *Journal) end(name string, id uint64, status std.Status, seqno uint64) {
	post := j.Posts[id-1]
	if post.Ended >= 0 {
		j.Cluster.violated("%s: the send of message %d ended twice", name, id)
		return
	}
	j.order++
	post.Ended, post.Status = j.order, status
	j.Ended++
	j.By[status]++
	if status == std.OK {
		j.enter(name, seqno, id)
	}
}

// open begins the diary of a membership that receives what comes after start.
func (j *Journal) open(name string, start uint64) *diary {
	d := &diary{name, start, start}
	j.members = append(j.members, d)
	return d
}

// received notes that a member has received a message.
func (j *Journal) received(d *diary, seqno, id uint64) {
	c := j.Cluster
	if id == 0 || id > uint64(len(j.Posts)) {
		c.violated("%s: received message %d, which nobody sent", d.name, id)
		return
	}
	if seqno <= d.last {
		c.violated("%s: received number %d after number %d", d.name, seqno, d.last)
		return
	}
	for s := d.last + 1; s < seqno; s++ {
		if missed, ok := j.at[s]; ok {
			c.violated("%s: has not received message %d, number %d", d.name, missed, s)
		}
	}
	if post := j.Posts[id-1]; d.last > d.start || d.start == 0 {
		post.Before, post.Follows = d.last, true
	}
	d.last = seqno
	j.enter(d.name, seqno, id)
}

// enter notes that a message has a number: somebody has received it or was told so.
func (j *Journal) enter(name string, seqno, id uint64) {
	c, post := j.Cluster, j.Posts[id-1]
	switch other, ok := j.at[seqno]; {
	case ok && other != id:
		c.violated("number %d was handed out twice: it is message %d, and at %s message %d", seqno, other, name, id)
		return
	case post.Seqno != 0 && post.Seqno != seqno:
		c.violated("message %d has two numbers: %d, and at %s %d", id, post.Seqno, name, seqno)
		return
	case ok:
		return
	}
	j.at[seqno], post.Seqno = id, seqno
	j.Last = max(j.Last, seqno)
	for _, d := range j.members {
		if d.start < seqno && seqno < d.last {
			c.violated("%s: has not received message %d, number %d", d.name, id, seqno)
		}
	}
}
