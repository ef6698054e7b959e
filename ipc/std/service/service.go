package service

import (
	"motile/ipc/capability"
	"motile/ipc/std"
)

// Service is one server's part in the standard commands; T is what it calls an
// object. Whoever serves requests owns it: one at a time.
type Service[T any] struct {
	// Find returns the object with a number and what its capabilities are checked
	// against. Only Serve and STD_NTOUCH need it.
	Find func(number uint64) (obj T, secret capability.Secret, ok bool)
	// Needs is the right that a command needs; nil: all of them.
	Needs func(command uint32) capability.Rights
	// Refused hears of requests that were refused for their capability, if not nil.
	Refused func(c capability.Capability, command uint32, s std.Status)

	Info    func(obj T) string
	Status  func(obj T) string
	Touch   func(obj T)
	Age     func() // of all objects
	Destroy func(obj T) std.Status
	Copy    func(obj T) (capability.Capability, std.Status)
	Params  func(obj T) []Param

	Stats Stats
	Cache capability.Cache
}

// Stats counts what was refused.
type Stats struct {
	CapBad, Denied uint64
}

// Param is a parameter: how to read it and, if it can be changed, how to understand a
// new value. Parse changes nothing yet, so that of several settings all are carried
// out or none is.
type Param struct {
	Name, Type, Description string
	Get                     func() string
	Parse                   func(value string) (set func(), ok bool)
}

// Serve checks a request and answers it if its command is a standard one: then done is
// true and h the reply's header. Otherwise the server does what the command says to
// obj, which the capability allows.
func (s *Service[T]) Serve(h *std.Header, data []byte) (obj T, reply []byte, done bool) {
	obj, secret, ok := s.Find(h.Object)
	if !ok {
		s.refuse(h, std.CapBad)
		*h = failed(std.CapBad)
		return obj, nil, true
	}
	if st := s.Check(h, h.Object, secret); st != std.OK {
		*h = failed(st)
		return obj, nil, true
	}
	reply, done = s.Answer(obj, secret, h, data)
	return obj, reply, done
}

// Check verifies the capability in a request for an object, and that it has the right
// that the command needs. Refusals are counted.
func (s *Service[T]) Check(h *std.Header, number uint64, secret capability.Secret) std.Status {
	st := s.Verify(h.Capability(), number, secret, s.needs(h.Command))
	if st != std.OK {
		s.refuse(h, st)
	}
	return st
}

// Verify looks at a capability that came otherwise than in the header of a request.
func (s *Service[T]) Verify(c capability.Capability, number uint64, secret capability.Secret, right capability.Rights) std.Status {
	switch {
	case c.Object != number || !s.Cache.Verify(c, secret):
		return std.CapBad
	case c.Rights&right != right:
		return std.Denied
	}
	return std.OK
}

func (s *Service[T]) needs(command uint32) capability.Rights {
	switch {
	case command == std.Restrict, command == std.NTouch:
		return 0 // what it gives is not more; each that it touches is checked
	case s.Needs == nil:
		return capability.AllRights
	}
	return s.Needs(command)
}

func (s *Service[T]) refuse(h *std.Header, st std.Status) {
	s.Count(st)
	if s.Refused != nil {
		s.Refused(h.Capability(), h.Command, st)
	}
}

// Count counts a refusal.
func (s *Service[T]) Count(st std.Status) {
	if st == std.CapBad {
		s.Stats.CapBad++
	} else {
		s.Stats.Denied++
	}
}

func failed(s std.Status) (h std.Header) {
	h.SetStatus(s)
	return h
}

// Answer carries out a standard command on an object whose capability has been
// checked. It reports false, and leaves h alone, if the command is not one of them.
func (s *Service[T]) Answer(obj T, secret capability.Secret, h *std.Header, data []byte) (reply []byte, done bool) {
	if h.Command < std.Monitor || h.Command > std.NTouch {
		return nil, false
	}
	q := *h
	*h = std.Header{}
	switch st := std.ComBad; {
	case q.Command == std.Restrict: // Offset: the mask
		c := s.Cache.Derive(q.Capability(), secret, capability.Rights(q.Offset))
		reply = c.Append(nil)
	case q.Command == std.Info && s.Info != nil:
		reply = []byte(s.Info(obj))
	case q.Command == std.Stat && s.Status != nil:
		reply = []byte(s.Status(obj))
	case q.Command == std.Touch && s.Touch != nil:
		s.Touch(obj)
	case q.Command == std.NTouch && s.Touch != nil:
		h.Extra, st = s.touchAll(data)
		h.SetStatus(st)
	case q.Command == std.Age && s.Age != nil:
		s.Age()
	case q.Command == std.Destroy && s.Destroy != nil:
		h.SetStatus(s.Destroy(obj))
	case q.Command == std.Copy && s.Copy != nil:
		var c capability.Capability
		if c, st = s.Copy(obj); st == std.OK {
			reply = c.Append(nil)
		}
		h.SetStatus(st)
	case q.Command == std.GetParams && s.Params != nil:
		list := s.params(obj)
		reply = std.AppendParams(nil, list)
		h.Size = uint32(len(list))
		return reply, true
	case q.Command == std.SetParams && s.Params != nil:
		h.SetStatus(s.setParams(obj, &q, data))
	default:
		h.SetStatus(st)
	}
	h.Size = uint32(len(reply))
	return reply, true
}

// touchAll touches the objects of a list of capabilities, and counts those that are
// not good for that.
func (s *Service[T]) touchAll(data []byte) (bad uint32, st std.Status) {
	switch {
	case len(data)%capability.EncodedLen != 0:
		return 0, std.ArgBad
	case len(data) > 0 && s.Find == nil:
		return 0, std.ComBad
	}
	for ; len(data) > 0; data = data[capability.EncodedLen:] {
		c, _ := capability.Decode(data)
		obj, secret, ok := s.Find(c.Object)
		if ok && s.Verify(c, c.Object, secret, s.needs(std.Touch)) == std.OK {
			s.Touch(obj)
		} else {
			bad++
		}
	}
	return bad, std.OK
}

func (s *Service[T]) params(obj T) (list []std.Param) {
	for _, p := range s.Params(obj) {
		list = append(list, std.Param{Name: p.Name, Type: p.Type, Description: p.Description, Value: p.Get()})
	}
	return list
}

// setParams carries out all settings, or none.
func (s *Service[T]) setParams(obj T, q *std.Header, data []byte) std.Status {
	settings, err := std.DecodeSettings(data, q.Size)
	if err != nil || len(settings) == 0 {
		return std.ArgBad
	}
	all := s.Params(obj)
	var sets []func()
	for _, x := range settings {
		p := find(all, x.Name)
		switch {
		case p == nil:
			return std.NotFound
		case p.Parse == nil:
			return std.WriteProt
		}
		set, ok := p.Parse(x.Value)
		if !ok {
			return std.ArgBad
		}
		sets = append(sets, set)
	}
	for _, set := range sets {
		set()
	}
	return std.OK
}

func find(all []Param, name string) *Param {
	for i := range all {
		if all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}
