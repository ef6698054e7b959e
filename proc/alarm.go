package proc

// Alarm is a timer of an object (object.Alarm).
type Alarm struct {
	tb    *Table
	timer Timer
	ring  func()
}

// NewAlarm makes an alarm that calls ring.
func (tb *Table) NewAlarm(ring func()) *Alarm {
	a := &Alarm{tb: tb, ring: ring}
	a.timer.owner = a
	return a
}

// Now is the node's monotonic time.
func (a *Alarm) Now() int64 { return a.tb.Now }

// Set makes it ring at a time; Stop keeps it from that.
func (a *Alarm) Set(at int64) { a.tb.timers.start(&a.timer, at) }
func (a *Alarm) Stop()        { a.tb.timers.stop(&a.timer) }

// Expire implements Expirer.
func (a *Alarm) Expire(int64) { a.ring() }
