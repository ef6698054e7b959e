package bridge

// Watcher is told of every frame that a port sends, before it is delivered to
// anybody: what it does to the bridge, such as SetFaults, befalls that frame
// already. It is called by the port's reader, so frames of one port come in order
// and those of different ports at the same time; the frame is the bridge's again
// when it returns.
type Watcher func(port string, frame []byte)

// Watch puts a watcher in place of the one before; nil is none. One that is being
// called may still be at it when Watch returns.
func (b *Bridge) Watch(w Watcher) {
	if w == nil {
		b.watcher.Store(nil)
		return
	}
	b.watcher.Store(&w)
}
