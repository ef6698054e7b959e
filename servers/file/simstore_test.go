package file

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"

	"motile/ipc/capability"
)

// simStore is a storage that is cut off. What was destroyed since the last file was made
// may be there again afterwards; of files that are made at one time, any may be.
type simStore struct {
	rng     *rand.Rand
	files   map[capability.Capability]simFile
	ghosts  map[capability.Capability]simFile // destroyed, but not for sure
	anchor  capability.Capability
	last    uint64
	ops     int
	cutAt   int // the power is cut at this one; 0: never
	dead    bool
	flaky   int    // one of so many operations fails, and may have been done; 0: none
	between func() // what happens while an operation is under way; nil: nothing
	room    int64
}

type simFile struct {
	tag  Tag
	data []byte
}

var errCut = errors.New("the power is off")

func newSimStore(seed uint64) *simStore {
	return &simStore{rng: rand.New(rand.NewPCG(seed, 99)), files: make(map[capability.Capability]simFile), ghosts: make(map[capability.Capability]simFile), room: 1 << 30}
}

// op is one operation: do carries it out.
func (s *simStore) op(do func()) error {
	if s.dead {
		return errCut
	}
	if s.between != nil {
		s.between()
	}
	s.ops++
	switch {
	case s.ops == s.cutAt:
		s.dead = true
	case s.flaky > 0 && s.rng.IntN(s.flaky) == 0:
	default:
		do()
		return nil
	}
	if s.rng.IntN(2) == 0 {
		do()
	}
	return errCut
}

func (s *simStore) Create(tag Tag, files [][]byte) ([]capability.Capability, error) {
	made := make([]capability.Capability, len(files))
	var failed error
	for _, i := range s.rng.Perm(len(files)) {
		err := s.op(func() {
			s.last++
			made[i] = capability.Capability{Port: capability.Port{7}, Object: s.last, Rights: capability.AllRights}
			s.files[made[i]] = simFile{tag, slices.Clone(files[i])}
			clear(s.ghosts)
		})
		if err != nil { // it may be there, and nobody knows
			made[i], failed = capability.Capability{}, err
		}
	}
	return made, failed
}

func (s *simStore) Get(c capability.Capability) ([]byte, error) {
	f, ok := s.files[c]
	switch {
	case s.dead:
		return nil, errCut
	case !ok:
		return nil, errors.New("there is no such file")
	}
	return slices.Clone(f.data), nil
}

func (s *simStore) Read(c capability.Capability, size int) ([]byte, error) {
	b, err := s.Get(c)
	if err == nil && len(b) < size {
		err = errors.New("too short")
	}
	return b[:min(size, len(b))], err
}

func (s *simStore) Destroy(list []capability.Capability) {
	for _, c := range list {
		if s.dead {
			return
		}
		if f, ok := s.files[c]; ok {
			s.ghosts[c] = f
			delete(s.files, c)
		} else {
			panic("destroyed twice")
		}
	}
}

func (s *simStore) Tagged(tag Tag) (list []capability.Capability, err error) {
	if s.dead {
		return nil, errCut
	}
	for c, f := range s.files {
		if f.tag == tag {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b capability.Capability) int { return int(a.Object) - int(b.Object) })
	return list, nil
}

func (s *simStore) Anchor() (capability.Capability, error) {
	if s.dead {
		return capability.Capability{}, errCut
	}
	return s.anchor, nil
}

func (s *simStore) Install(old, new capability.Capability) error {
	taken := false
	err := s.op(func() {
		if taken = s.anchor != old; !taken {
			s.anchor = new
		}
	})
	if taken && err == nil {
		err = ErrTaken
	}
	return err
}

func (s *simStore) Room() (int64, error) {
	free := s.room
	for _, f := range s.files {
		free -= charge(len(f.data))
	}
	return free, nil
}

// cut is the storage as it is found after the power was cut.
func (s *simStore) cut() *simStore {
	s.dead = true
	found := newSimStore(s.rng.Uint64())
	found.files, found.anchor, found.last = maps.Clone(s.files), s.anchor, s.last
	for c, f := range s.ghosts {
		if s.rng.IntN(2) == 0 {
			found.files[c] = f
		}
	}
	return found
}
