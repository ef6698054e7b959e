package file

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// simStore is a storage that is cut off. What was destroyed since the last file was made
// on a disk may be there again afterwards; of files that are made at one time, any may be.
type simStore struct {
	disks   []Disk
	lost    [MaxDisks]bool // it does not answer
	full    [MaxDisks]bool // nothing fits there
	atOp    map[int]func() // what happens when an operation begins, as the power is still on
	rng     *rand.Rand
	files   map[capability.Capability]simFile
	ghosts  map[capability.Capability]simFile // destroyed, but not for sure
	anchor  File
	last    uint64
	ops     int
	cutAt   int // the power is cut at this one; 0: never
	dead    bool
	flaky   int    // one of so many operations fails, and may have been done; 0: none
	between func() // what happens while an operation is under way; nil: nothing
	room    int64
}

type simFile struct {
	disk int
	tag  Tag
	data []byte
}

var errCut = errors.New("the power is off")

// simDisk is the first byte of the first disk's port.
const simDisk = 7

func newSimStore(seed uint64) *simStore { return newSimDisks(seed, 1) }

// newSimDisks is a storage of several disks.
func newSimDisks(seed uint64, n int) *simStore {
	s := newSim(seed)
	for i := range n {
		s.disks = append(s.disks, Disk{Name: "disk " + string(rune('1'+i)), Port: capability.Port{byte(simDisk + i)}})
	}
	return s
}

func newSim(seed uint64) *simStore {
	return &simStore{rng: rand.New(rand.NewPCG(seed, 99)), files: make(map[capability.Capability]simFile), ghosts: make(map[capability.Capability]simFile), room: 1 << 30}
}

// op is one operation: do carries it out. disk is whose; -1: the anchor's.
func (s *simStore) op(disk int, do func()) error {
	if s.dead {
		return errCut
	}
	if s.between != nil {
		s.between()
	}
	s.ops++
	if f := s.atOp[s.ops]; f != nil {
		was := s.lost
		f()
		if disk >= 0 && s.lost[disk] && !was[disk] { // in the middle of it
			if s.rng.IntN(2) == 0 {
				do()
			}
			return std.RPCFailure
		}
	}
	if disk >= 0 && s.lost[disk] {
		return std.RPCNotFound
	}
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

func (s *simStore) Disks() []Disk { return s.disks }

func (s *simStore) Create(at []int, tag Tag, files [][]byte) ([]File, []error) {
	made, errs := make([]File, len(files)), make([]error, len(at))
	for _, x := range s.rng.Perm(len(files) * len(at)) {
		i, k := x/len(at), x%len(at)
		disk := at[k]
		if s.full[disk] && s.away(disk) == nil {
			errs[k] = std.NoSpace
			continue
		}
		err := s.op(disk, func() {
			s.last++
			made[i][disk] = capability.Capability{Port: s.disks[disk].Port, Object: s.last, Rights: capability.AllRights}
			s.files[made[i][disk]] = simFile{disk, tag, slices.Clone(files[i])}
			maps.DeleteFunc(s.ghosts, func(_ capability.Capability, f simFile) bool { return f.disk == disk })
		})
		if err != nil { // it may be there, and nobody knows
			made[i][disk], errs[k] = capability.Capability{}, err
		}
	}
	return made, errs
}

// away is the error of a disk that does not answer.
func (s *simStore) away(disk int) error {
	switch {
	case s.dead:
		return errCut
	case s.lost[disk]:
		return std.RPCNotFound
	}
	return nil
}

func (s *simStore) Get(disk int, c capability.Capability) ([]byte, error) {
	if err := s.away(disk); err != nil {
		return nil, err
	}
	f, ok := s.files[c]
	if !ok {
		return nil, std.NotFound
	}
	return slices.Clone(f.data), nil
}

func (s *simStore) Read(disk int, c capability.Capability, size int) ([]byte, error) {
	b, err := s.Get(disk, c)
	if err == nil && len(b) < size {
		err = errors.New("too short")
	}
	return b[:min(size, len(b))], err
}

func (s *simStore) Destroy(at []int, list []File) []error {
	errs := make([]error, len(at))
	for k, disk := range at {
		errs[k] = s.away(disk)
		for _, file := range list {
			c := file[disk]
			if errs[k] != nil || c.IsNull() {
				continue
			}
			if f, ok := s.files[c]; ok {
				s.ghosts[c] = f
				delete(s.files, c)
			} else {
				panic("destroyed twice")
			}
		}
	}
	return errs
}

// lose has a disk answer no more. What it was told to destroy last may be there again.
func (s *simStore) lose(disk int) {
	s.lost[disk] = true
	for _, c := range slices.SortedFunc(maps.Keys(s.ghosts), func(a, b capability.Capability) int { return int(a.Object) - int(b.Object) }) {
		if f := s.ghosts[c]; f.disk == disk && s.rng.IntN(2) == 0 {
			s.files[c] = f
		}
	}
	maps.DeleteFunc(s.ghosts, func(_ capability.Capability, f simFile) bool { return f.disk == disk })
}

func (s *simStore) Tagged(disk int, tag Tag) (list []capability.Capability, err error) {
	if err := s.away(disk); err != nil {
		return nil, err
	}
	for c, f := range s.files {
		if f.tag == tag && f.disk == disk {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b capability.Capability) int { return int(a.Object) - int(b.Object) })
	return list, nil
}

func (s *simStore) Anchor() (File, error) {
	if s.dead {
		return File{}, errCut
	}
	return s.anchor, nil
}

func (s *simStore) Install(old, new File) error {
	taken := false
	err := s.op(-1, func() {
		if taken = s.anchor != old; !taken {
			s.anchor = new
		}
	})
	if taken && err == nil {
		err = ErrTaken
	}
	return err
}

func (s *simStore) Room(disk int) (int64, error) {
	free := s.room
	for _, f := range s.files {
		if f.disk == disk {
			free -= charge(len(f.data))
		}
	}
	return free, nil
}

// cut is the storage as it is found after the power was cut.
func (s *simStore) cut() *simStore {
	s.dead = true
	found := newSim(s.rng.Uint64())
	found.disks, found.lost = s.disks, s.lost
	found.files, found.anchor, found.last = maps.Clone(s.files), s.anchor, s.last
	for _, c := range slices.SortedFunc(maps.Keys(s.ghosts), func(a, b capability.Capability) int { return int(a.Object) - int(b.Object) }) {
		if f := s.ghosts[c]; s.rng.IntN(2) == 0 {
			found.files[c] = f
		}
	}
	return found
}

// read reads a copy, whether its disk answers or not.
func (s *simStore) read(file File, size int) ([]byte, error) {
	for _, c := range file {
		if f, ok := s.files[c]; ok && len(f.data) >= size {
			return slices.Clone(f.data[:size]), nil
		}
	}
	return nil, std.NotFound
}
