package service

import (
	"cmp"
	"slices"

	"motile/ipc/capability"
)

// Store keeps a server's objects, each under a number and with a secret of its own.
// An object that nobody has touched for so many ages expires: a server that never
// hears from an object's holders again has no other way to find out that they are
// gone. In Amoeba somebody walks through the directories every night, touches what
// they name, and has each server age.
type Store[V any] struct {
	Port     capability.Port // put-port of the server
	Random   func() uint64   // an unpredictable source
	Lifetime int             // ages; 0: objects never expire

	objects map[uint64]*Object[V]
	last    uint64
}

// Object is one object of a Store.
type Object[V any] struct {
	Number uint64
	Value  V

	secret capability.Secret
	left   int // ages to live
}

// Create adds an object and returns its owner's capability.
func (s *Store[V]) Create(v V) capability.Capability {
	if s.objects == nil {
		s.objects = make(map[uint64]*Object[V])
	}
	s.last++
	o := &Object[V]{Number: s.last, Value: v, secret: capability.NewSecret(s.Random), left: s.Lifetime}
	s.objects[o.Number] = o
	return s.Owner(o)
}

// Owner returns the capability with all rights to an object.
func (s *Store[V]) Owner(o *Object[V]) capability.Capability {
	return capability.Owner(s.Port, o.Number, o.secret)
}

// Find is for Service.Find.
func (s *Store[V]) Find(number uint64) (*Object[V], capability.Secret, bool) {
	o := s.objects[number]
	if o == nil {
		return nil, capability.Secret{}, false
	}
	return o, o.secret, true
}

// Touch lets an object live for a whole Lifetime again: for Service.Touch.
func (s *Store[V]) Touch(o *Object[V]) { o.left = s.Lifetime }

// Revoke makes all capabilities of an object worthless but the one it returns.
func (s *Store[V]) Revoke(o *Object[V]) capability.Capability {
	o.secret = capability.NewSecret(s.Random)
	return s.Owner(o)
}

// Delete removes an object.
func (s *Store[V]) Delete(o *Object[V]) { delete(s.objects, o.Number) }

// Age makes all objects older by one, and returns those that have expired, which are
// gone, in the order of their numbers.
func (s *Store[V]) Age() (expired []*Object[V]) {
	if s.Lifetime == 0 {
		return nil
	}
	for _, o := range s.objects {
		if o.left--; o.left <= 0 {
			expired = append(expired, o)
		}
	}
	slices.SortFunc(expired, func(a, b *Object[V]) int { return cmp.Compare(a.Number, b.Number) })
	for _, o := range expired {
		s.Delete(o)
	}
	return expired
}

// Len returns how many objects there are.
func (s *Store[V]) Len() int { return len(s.objects) }
