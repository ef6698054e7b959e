package file

import (
	"errors"
	"time"

	"motile/ipc/filesys"
	"motile/ipc/std"
)

// Of a server with storage.
const (
	// lateBy is how long a change stays in memory that nobody wants to be safe.
	lateBy = 2 * time.Second
	// retryPersist is how long storage that could not be written is left alone.
	retryPersist = time.Second
	// ownEvery is how often a server that has nothing to write looks whether storage is
	// still its own.
	ownEvery = 5 * time.Second
	// probeEvery is how often a disk that did not answer is asked again.
	probeEvery = 5 * time.Second
	// reserve is what is left free on the disk: for what is in memory and has been accepted,
	// and for checkpoints.
	reserve = 2*maxUnsafe + 2<<20
	// Settled is how long after a server's death the next may serve: no node believes what
	// that one has granted any more.
	Settled = filesys.Lease*time.Nanosecond + time.Second/2
)

// minCache is room for what all requests at a time need at once.
const minCache = threads * (filesys.MaxRead + blockSize)

// Keep has what changes kept by a keeper, from before Run on. cache is how many bytes of
// contents are in memory besides those that must be, but for a minimum.
func (r *Running) Keep(k *Keeper, cache int64) {
	r.keeper, r.cache = k, max(cache, minCache)
	r.ready.L = &r.mu
	r.findRoom()
}

// persist brings what has changed to storage: at once if somebody waits for that, and
// else after a while. It ends when the storage belongs to another.
func (r *Running) persist() error {
	go r.tick()
	r.mu.Lock()
	defer r.mu.Unlock()
	go r.probe()
	looked, measured := time.Now(), time.Now()
	current := r.keeper.names(r.keeper.where(r.keeper.current))
	for {
		since := time.Now()
		for !r.due(since) && !r.mend && time.Since(looked) < ownEvery {
			if r.s.book.clean() {
				since = time.Now()
			}
			r.ready.Wait()
		}
		looked = time.Now()
		r.mu.Unlock()
		more := false
		err := r.keeper.Commit(&r.mu, r.s, false)
		if err == nil {
			r.ready.Broadcast()
			more, err = r.keeper.Mend(&r.mu, r.s)
		}
		if now := r.keeper.names(r.keeper.where(r.keeper.current)); now != current {
			r.say("from now on all is on %s", now)
			current = now
		}
		if time.Since(measured) >= lateBy {
			r.findRoom()
			measured = time.Now()
		}
		r.mu.Lock()
		r.s.book.shrink(r.cache)
		r.s.disks, r.mend = r.keeper.String(), more
		if err == nil {
			r.s.trouble = ""
			r.ready.Broadcast()
			continue
		}
		if errors.Is(err, ErrTaken) {
			return err
		}
		if r.s.trouble == "" {
			r.say("what has changed cannot be kept yet: %v", err)
		}
		r.s.trouble, r.err = "cannot be written: "+err.Error(), err
		r.failures++
		r.ready.Broadcast()
		r.mu.Unlock()
		time.Sleep(retryPersist)
		r.mu.Lock()
	}
}

// due reports whether something is to be written now. since is when all was.
func (r *Running) due(since time.Time) bool {
	l := r.s.book
	return l.safe < r.wanted || l.unsafe >= maxUnsafe/2 || !l.clean() && time.Since(since) >= lateBy
}

// probe asks disks that did not answer, now and then.
func (r *Running) probe() {
	for range time.Tick(probeEvery) {
		r.probeNow()
	}
}

func (r *Running) probeNow() {
	if r.keeper.Probe() {
		r.mu.Lock()
		r.mend = true
		r.mu.Unlock()
		r.ready.Broadcast()
	}
}

// tick has whoever waits look at the time.
func (r *Running) tick() {
	for range time.Tick(lateBy / 4) {
		r.ready.Broadcast()
	}
}

// findRoom tells the server how much room there is, with what it has used already.
func (r *Running) findRoom() {
	if free, err := r.keeper.room(); err == nil {
		r.mu.Lock()
		r.s.cfg.Capacity = max(r.keeper.spent+free-reserve, 0)
		r.mu.Unlock()
	}
}

// safe waits until all that has changed until now is on stable storage. Preconditions: mu
// is held.
func (r *Running) safe() error {
	if r.keeper == nil {
		return nil
	}
	l := r.s.book
	want, failures := l.seq, r.failures
	r.wanted = max(r.wanted, want)
	r.ready.Broadcast()
	for l.safe < want {
		if r.failures != failures {
			return r.err
		}
		r.ready.Wait()
	}
	return nil
}

// Flush returns when all that has changed until now is on stable storage.
func (r *Running) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.safe()
}

// room waits until less is in memory that is not safe. Preconditions: mu is held.
func (r *Running) room() error {
	for failures := r.failures; r.s.book.unsafe >= maxUnsafe; {
		if r.failures != failures {
			return r.err
		}
		r.ready.Wait()
	}
	return nil
}

// fetch reads what a request needs, all of it at a time. Preconditions: mu is held.
func (r *Running) fetch(list []Fetch) error {
	r.mu.Unlock()
	data := make([][]byte, len(list))
	err := each(len(list), func(i int) (err error) {
		data[i], err = r.keeper.read(list[i].File, list[i].Size)
		return err
	})
	r.mu.Lock()
	if err == nil {
		for i := range list {
			r.s.Fetched(&list[i], data[i])
		}
		r.s.book.shrink(r.cache)
	}
	return err
}

// failed makes an error of the storage the answer to a request.
func failed(h *std.Header, err error) {
	e := eio
	if errors.Is(err, std.NoSpace) {
		e = enospc
	}
	*h = std.Header{Port: h.Port, Extra: e}
}
