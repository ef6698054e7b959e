package soap

import (
	"time"
)

// retryPersist is how long a disk that could not be written is left alone.
const retryPersist = time.Second

// persist brings the state to the disk whenever it has changed: all updates that have come
// while one batch was written are the next one.
func (v *Server) persist() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for {
		v.await(forever(), func() bool { return v.kept != v.present() || v.whole })
		if v.keeper == nil {
			v.s.Changed()
			v.kept, v.whole = v.present(), false
			v.changed()
			continue
		}
		b := v.keeper.Batch(v.s, v.promised, v.whole)
		v.whole = false
		v.mu.Unlock()
		err := v.keeper.Commit(b)
		v.mu.Lock()
		if err == nil {
			v.kept = b.Kept
			v.changed()
			v.mu.Unlock()
			v.keeper.Sweep()
			v.mu.Lock()
			continue
		}
		v.whole = true
		v.changed()
		v.say("what has changed cannot be written: %v", err)
		v.mu.Unlock()
		time.Sleep(retryPersist)
		v.mu.Lock()
	}
}

// present is how far the state in memory is.
func (v *Server) present() Kept { return Kept{v.promised, v.s.Epoch, v.s.Seq} }
