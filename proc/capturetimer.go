package proc

import "motile/migrate/image"

// capturePosixTimers writes down the timers of timer_create. Their times are of the
// process's own clocks, which its image has.
func (p *Process) capturePosixTimers() (out []image.PosixTimer) {
	for _, tm := range p.posix {
		out = append(out, image.PosixTimer{ID: tm.ID, Clock: uint8(tm.Clock), Notify: tm.Notify, Signo: tm.Signo,
			Value: tm.Value, Target: tm.Target, Owner: tm.Owner, Armed: tm.Armed, At: tm.At, Period: tm.Period,
			Queued: tm.Queued, Missed: tm.Missed, Last: tm.Last})
	}
	return out
}

// adoptPosixTimers puts them back. They stand still until Activate.
func (p *Process) adoptPosixTimers(im *image.Process) {
	p.nextTimer = im.NextTimer
	for _, it := range im.PosixTimers {
		p.addPosixTimer(PosixTimer{ID: it.ID, Clock: TimerClock(it.Clock), Notify: it.Notify, Signo: it.Signo,
			Value: it.Value, Target: it.Target, Owner: it.Owner, Armed: it.Armed, At: it.At, Period: it.Period,
			Queued: it.Queued, Missed: it.Missed, Last: it.Last})
	}
}
