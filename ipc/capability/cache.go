package capability

// cacheSize is how many capabilities a Cache remembers.
const cacheSize = 256

// Cache remembers which capabilities have been verified, so that checking one that
// is used again costs no hash. An entry holds the secret it was verified against: a
// service that changes an object's secret, and so revokes its capabilities, need not
// tell the cache. Only capabilities that fit are remembered: who guesses pays a hash
// for each guess, and drives nothing out.
//
// The zero Cache is empty. It belongs to one service, and is not for use by several
// goroutines at once.
type Cache struct {
	Hits, Misses uint64 // a miss costs a hash; the owner's capability never does

	entries []verified // at a place that the check decides: it is a hash, so it scatters
}

type verified struct {
	c      Capability
	secret Secret
}

// Verify is the function Verify, with a memory.
func (ca *Cache) Verify(c Capability, secret Secret) bool {
	if c.Rights == AllRights {
		return Verify(c, secret) // two comparisons
	}
	e := ca.at(&c)
	if e.is(&c, &secret) {
		ca.Hits++
		return true
	}
	ca.Misses++
	if !Verify(c, secret) {
		return false
	}
	*e = verified{c, secret}
	return true
}

// Derive is the function Derive. That its result is good is known from the start.
func (ca *Cache) Derive(c Capability, secret Secret, mask Rights) Capability {
	if c.Rights&mask == c.Rights {
		return c
	}
	weak := Derive(c, secret, mask)
	*ca.at(&weak) = verified{weak, secret}
	return weak
}

func (ca *Cache) at(c *Capability) *verified {
	if ca.entries == nil {
		ca.entries = make([]verified, cacheSize)
	}
	return &ca.entries[int(c.Check[0])%cacheSize]
}

// is reports whether e is about c under a secret, in time that says nothing about
// what e holds. The fields compared first are no secrets.
func (e *verified) is(c *Capability, secret *Secret) bool {
	if e.c.Port != c.Port || e.c.Object != c.Object || e.c.Rights != c.Rights || e.c.IsNull() {
		return false
	}
	check := equal(&e.c.Check, &c.Check)
	same := equal((*[Size]byte)(&e.secret), (*[Size]byte)(secret))
	return check && same
}
