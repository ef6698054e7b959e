package file

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"motile/ipc/capability"
	"motile/ipc/std"
)

// MaxDisks is how many disks a server keeps its files on at most.
const MaxDisks = 2

// File is a capability set of a file of storage: its copy on each disk. Null: there is none.
type File [MaxDisks]capability.Capability

// IsNull reports whether there is no copy at all.
func (f File) IsNull() bool { return f == File{} }

// on is the set without the copies that are on other disks than these.
func (f File) on(disks []int) (g File) {
	for _, i := range disks {
		g[i] = f[i]
	}
	return g
}

// Disk is where copies of all files are.
type Disk struct {
	Name string
	Port capability.Port // that capabilities of files on it have
}

// arrange puts the copies of a set that was read where those disks belong that the server
// has now. Copies elsewhere are left out, and elsewhere says that there are only such.
func arrange(copies []capability.Capability, disks []Disk) (f File, elsewhere bool) {
	there := false
	for _, c := range copies {
		there = there || !c.IsNull()
		for i := range disks {
			if c.Port == disks[i].Port {
				f[i] = c
			}
		}
	}
	return f, there && f.IsNull()
}

// Storage is where a server keeps its files: Bullet files on its disks, and an anchor that
// names one of them. A copy is there as a whole and for good when Create returns without
// an error for its disk, or not at all. After an error some may be there, and whether the anchor
// was changed is not known. Disks are named by their place in Disks.
type Storage interface {
	Disks() []Disk
	// Create makes a copy of each file on each of some disks, and says for each of these what
	// went wrong. Copies that were made are not null, after an error too.
	Create(at []int, tag Tag, files [][]byte) ([]File, []error)
	Get(disk int, file capability.Capability) ([]byte, error)
	// Read reads the beginning of a file.
	Read(disk int, file capability.Capability, size int) ([]byte, error)
	// Destroy removes the copies that are on some disks, and says for each of these what went
	// wrong. One that stays is found by the next server.
	Destroy(at []int, files []File) []error
	Tagged(disk int, tag Tag) ([]capability.Capability, error)
	// Room is how many bytes more there is room for, now that all that was destroyed is gone.
	Room(disk int) (int64, error)
	// Anchor is what Install has installed last; null: nothing.
	Anchor() (File, error)
	// Install changes the anchor, if it is old, and says ErrTaken if it is not.
	Install(old, new File) error
}

// mirror is a server's disks, and what it knows of them. What the anchor has a copy on is
// current: whatever was acknowledged is there. A disk that is used and not current is
// catching up: new files get copies there, and old ones by and by.
type mirror struct {
	store  Storage
	disks  []Disk
	anchor File
	used   [MaxDisks]bool         // new files get copies there
	why    [MaxDisks]error        // it is not used, or was not at last
	silent [MaxDisks]atomic.Bool  // it is asked last
	back   [MaxDisks]atomic.Bool  // it has answered again
	failed [MaxDisks]int          // so often in a row it was to catch up, and did not
	rest   [MaxDisks]atomic.Int64 // so many times Probe does not ask it
}

// maxFailed bounds how long a disk that fails again and again is left alone: so many times
// twice as long.
const maxFailed = 6

// where are the disks that something holds of.
func (m *mirror) where(is func(i int) bool) (list []int) {
	for i := range m.disks {
		if is(i) {
			list = append(list, i)
		}
	}
	return list
}

func (m *mirror) current(i int) bool { return !m.anchor[i].IsNull() }
func (m *mirror) inUse(i int) bool   { return m.used[i] }

// create makes files on some disks that are used. Those that fail are used no more, as
// long as one is left that is current; and before anything else happens the anchor says so.
// With an error nothing that lacks a copy is left.
func (m *mirror) create(at []int, tag Tag, files [][]byte) ([]File, error) {
	made := make([]File, len(files))
	if err := m.agree(); err != nil || len(files) == 0 {
		return made, err
	}
	made, errs := m.store.Create(at, tag, files)
	var failed error
	left := false
	for k, i := range at {
		switch {
		case errs[k] == nil:
			left = left || m.current(i)
		case m.current(i) && (failed == nil || errors.Is(errs[k], std.NoSpace)):
			failed = errs[k]
		}
	}
	if !left || errors.Is(failed, std.NoSpace) {
		if failed == nil {
			failed = errors.New("no disk that is current is used")
		}
		for j := range made {
			for _, i := range at {
				if made[j][i].IsNull() {
					m.destroy(made[j : j+1])
					made[j] = File{}
					break
				}
			}
		}
		return made, failed
	}
	for k, i := range at {
		if errs[k] != nil {
			m.leave(i, errs[k])
		}
	}
	return made, m.agree()
}

// leave uses a disk no more. One that answers, and fails when something is made there, holds up
// everybody each time.
func (m *mirror) leave(i int, why error) {
	if m.failed[i] = min(m.failed[i]+1, maxFailed); m.current(i) {
		m.failed[i] = 0
	}
	m.rest[i].Store(1<<m.failed[i] - 1)
	m.used[i], m.why[i] = false, why
	m.silent[i].Store(true)
}

// agree has the anchor name no disk that is not used: from then on nobody believes what is
// there. Until then nothing counts that the disk lacks.
func (m *mirror) agree() error {
	if want := m.anchor.on(m.where(m.inUse)); want != m.anchor {
		if want.IsNull() {
			return errors.New("no disk that is current is used")
		}
		return m.install(want)
	}
	return nil
}

// install changes the anchor. If it is not known whether that was done, it is looked up.
func (m *mirror) install(file File) error {
	if err := m.store.Install(m.anchor, file); err != nil {
		switch is, err2 := m.store.Anchor(); {
		case err2 != nil:
			return errors.Join(err, err2)
		case is == m.anchor:
			return err
		case is != file:
			return ErrTaken
		}
	}
	m.anchor = file
	return nil
}

// owned looks whether the storage is still this server's.
func (m *mirror) owned() error {
	is, err := m.store.Anchor()
	if err == nil && is != m.anchor {
		err = ErrTaken
	}
	return err
}

// destroy removes the copies that are on disks that are used. Others are found when those
// are used again.
func (m *mirror) destroy(files []File) {
	if len(files) == 0 {
		return
	}
	at := m.where(m.inUse)
	for k, err := range m.store.Destroy(at, files) {
		m.notice(at[k], err)
	}
}

// notice looks at an error of a disk. One that does not answer is used no more, so that nobody
// waits for it again, if there is another one that is current. What it has is good until then:
// create tells the anchor before something is made that it lacks.
func (m *mirror) notice(i int, err error) {
	other := slices.ContainsFunc(m.where(m.inUse), func(j int) bool { return j != i && m.current(j) })
	if err != nil && away(err) && other {
		m.leave(i, err)
	}
}

// any tries the copies of a file until one will do: first those on disks that have answered
// last. It may be called from any goroutine.
func (m *mirror) any(file File, try func(disk int, c capability.Capability) error) error {
	var order, last []int
	for i := range m.disks {
		switch {
		case file[i].IsNull():
		case m.silent[i].Load():
			last = append(last, i)
		default:
			order = append(order, i)
		}
	}
	var failed error
	for _, i := range append(order, last...) {
		err := try(i, file[i])
		if err == nil {
			return nil
		}
		if away(err) && len(m.disks) > 1 {
			m.silent[i].Store(true)
		}
		if failed == nil || away(err) { // what the other has not, this one may have
			failed = err
		}
	}
	if failed == nil {
		failed = std.NotFound
	}
	return failed
}

// get reads a whole file, and has it decoded.
func (m *mirror) get(file File, decode func(b []byte) error) error {
	return m.any(file, func(i int, c capability.Capability) error {
		b, err := m.store.Get(i, c)
		if err == nil {
			err = decode(b)
		}
		return err
	})
}

// read reads the beginning of a file. It may be called from any goroutine.
func (m *mirror) read(file File, size int) (data []byte, err error) {
	err = m.any(file, func(i int, c capability.Capability) (err error) {
		data, err = m.store.Read(i, c, size)
		return err
	})
	return data, err
}

// tagged is what a disk has of a server.
func (m *mirror) tagged(disk int) (map[capability.Capability]Tag, error) {
	there := make(map[capability.Capability]Tag)
	for _, t := range tags {
		list, err := m.store.Tagged(disk, t)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			there[c] = t
		}
	}
	return there, nil
}

// room is how much more fits on all disks that are current.
func (m *mirror) room() (free int64, err error) {
	free = -1
	for _, i := range m.where(func(i int) bool { return m.current(i) && m.used[i] }) {
		n, err := m.store.Room(i)
		if err != nil {
			m.notice(i, err)
			return 0, err
		}
		if free < 0 || n < free {
			free = n
		}
	}
	return max(free, 0), nil
}

// Probe asks disks that did not answer. It may be called from any goroutine. It reports
// whether one has.
func (m *mirror) Probe() (any bool) {
	for i := range m.disks {
		if len(m.disks) > 1 && m.silent[i].Load() && m.rest[i].Add(-1) < 0 {
			if _, err := m.store.Tagged(i, TagRoot); err == nil {
				m.silent[i].Store(false)
				m.back[i].Store(true)
				any = true
			}
		}
	}
	return any
}

// away reports whether an error says that a disk's server does not answer.
func away(err error) bool {
	for _, s := range []std.Status{std.RPCNotFound, std.RPCFailure, std.RPCTryAgain, std.NotNow} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}

// names are what some disks are called.
func (m *mirror) names(list []int) string {
	var words []string
	for _, i := range list {
		words = append(words, m.disks[i].Name)
	}
	return strings.Join(words, " and ")
}
