package capability

import "errors"

// A Set is Amoeba's capset: capabilities of the copies of one object, at several
// servers. Whoever asks tries them in order; who changes the object marks those
// copies that did not follow as no longer current.
type Set struct {
	Wanted  uint8 // how many copies there are to be (cs_initial)
	Members []Member
}

// Member is one copy.
type Member struct {
	Cap     Capability
	Current bool // it has the object's present contents
}

// MaxMembers is how many copies an object has at most.
const MaxMembers = 8

// Errors of sets.
var (
	ErrSet       = errors.New("capability: not a set: want up to 8 capabilities, none null and none twice")
	ErrSetFull   = errors.New("capability: a set has at most 8 members")
	ErrNotMember = errors.New("capability: not a member of the set")
	ErrNotOwner  = errors.New("capability: only its server can restrict a capability that is not the owner's")
)

// Singleton returns the set of one object that has no other copies.
func Singleton(c Capability) Set {
	return Set{Wanted: 1, Members: []Member{{Cap: c, Current: true}}}
}

// Insert adds a copy, which is current. One that is there already becomes so.
func (s *Set) Insert(c Capability) error {
	if i := s.index(c); i >= 0 {
		s.Members[i].Current = true
		return nil
	}
	switch {
	case c.IsNull():
		return ErrSet
	case len(s.Members) == MaxMembers:
		return ErrSetFull
	}
	s.Members = append(s.Members, Member{Cap: c, Current: true})
	return nil
}

// Delete removes a copy.
func (s *Set) Delete(c Capability) error {
	i := s.index(c)
	if i < 0 {
		return ErrNotMember
	}
	s.Members = append(s.Members[:i:i], s.Members[i+1:]...)
	return nil
}

// Outdate notes that a copy did not follow a change.
func (s *Set) Outdate(c Capability) error {
	i := s.index(c)
	if i < 0 {
		return ErrNotMember
	}
	s.Members[i].Current = false
	return nil
}

// Has reports whether a capability is a member.
func (s *Set) Has(c Capability) bool { return s.index(c) >= 0 }

// Good returns the first current member that works, by the caller's test: that its
// server answers, say (cs_goodcap).
func (s *Set) Good(works func(Capability) bool) (Capability, bool) {
	for _, m := range s.Members {
		if m.Current && works(m.Cap) {
			return m.Cap, true
		}
	}
	return Capability{}, false
}

// Restrict returns the set with every member restricted, which works for owner
// capabilities; others only their servers can restrict.
func (s *Set) Restrict(mask Rights) (Set, error) {
	weak := Set{Wanted: s.Wanted}
	for _, m := range s.Members {
		c, ok := Restrict(m.Cap, mask)
		if !ok {
			return Set{}, ErrNotOwner
		}
		weak.Members = append(weak.Members, Member{Cap: c, Current: m.Current})
	}
	return weak, nil
}

func (s *Set) index(c Capability) int {
	for i := range s.Members {
		if s.Members[i].Cap == c {
			return i
		}
	}
	return -1
}

// Append adds the set's bytes: Wanted, the number of members, and for each its 44
// bytes and a byte that is 1 if it is current.
func (s *Set) Append(b []byte) ([]byte, error) {
	if len(s.Members) > MaxMembers {
		return b, ErrSetFull
	}
	b = append(b, s.Wanted, byte(len(s.Members)))
	for i := range s.Members {
		m := &s.Members[i]
		b = m.Cap.Append(b)
		if m.Current {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b, nil
}

// DecodeSet reads a set that fills b exactly.
func DecodeSet(b []byte) (s Set, err error) {
	const member = EncodedLen + 1
	if len(b) < 2 || b[1] > MaxMembers || len(b) != 2+int(b[1])*member {
		return s, ErrSet
	}
	s.Wanted = b[0]
	for b = b[2:]; len(b) > 0; b = b[member:] {
		c, _ := Decode(b)
		if c.IsNull() || s.Has(c) || b[EncodedLen] > 1 {
			return Set{}, ErrSet
		}
		s.Members = append(s.Members, Member{Cap: c, Current: b[EncodedLen] == 1})
	}
	return s, nil
}
