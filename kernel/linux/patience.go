package linux

import "motile/kernel/object"

// bePatient has a read from a terminal, which has come for nothing, wait for no longer
// than the terminal says (termios(3), VTIME): since it began, or since the last byte.
// It reports true if an object elsewhere has some of what is wanted: to be told of that
// again would be no news, so only the time is waited for.
func (k *Kernel) bePatient(x *io) (some bool) {
	p, ok := x.f.Impl.(object.Patient)
	if x.write || !ok {
		return false
	}
	ns, some := p.Patience()
	if ns > 0 && (some || x.c.Deadline == 0) {
		x.c.Deadline = k.Tab.Now + ns
	}
	_, distant := x.f.Impl.(object.Distant)
	return some && distant && ns > 0
}
