package soap

import (
	"fmt"
	"slices"
	"strings"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/ipc/std/service"
)

// Limits. All directories are in the memory of each replica.
const (
	MaxDirectory = 512 << 10 // bytes of one directory, encoded
	MaxBytes     = 32 << 20  // of all
	MaxDirs      = 1 << 17
	lifetime     = 24 // ages that a directory lives which nobody can reach
)

// DefaultColumns are those of the root, and of a directory that is made without.
var DefaultColumns = []string{"owner", "group", "other"}

// State is the directories of a server.
type State struct {
	// Epoch counts how often replicas have agreed anew on what the state is, Seq the
	// updates.
	Epoch, Seq uint64

	svc     service.Service[*directory]
	port    capability.Port // put-port
	dirs    map[uint64]*directory
	next    uint64 // number of the next directory
	bytes   int    // of all directories
	done    outcomes
	changed map[uint64]bool // since they were taken

	journals bool    // updates are kept for the disk
	journal  journal // those since they were taken

	changing func(dir uint64) // is told of each change
	about    func() string    // what else STD_STATUS says
}

type directory struct {
	number  uint64
	secret  capability.Secret
	seq     uint64 // State.Seq at the last change
	life    int    // ages to live while it cannot be reached
	columns []string
	rows    []std.SoapRow // by name
	bytes   int           // of columns and rows, encoded
}

// NewState returns a server's state with nothing but the root, object 0.
func NewState(port capability.Port, root capability.Secret) *State {
	s := &State{port: port, dirs: make(map[uint64]*directory), next: 1, changed: make(map[uint64]bool), changing: func(uint64) {}, about: func() string { return "" }}
	s.svc = service.Service[*directory]{
		Find: func(number uint64) (*directory, capability.Secret, bool) {
			d := s.dirs[number]
			if d == nil {
				return nil, capability.Secret{}, false
			}
			return d, d.secret, true
		},
		Needs: needs,
		Info: func(d *directory) string {
			return fmt.Sprintf("directory, %d rows (%s)", len(d.rows), strings.Join(d.columns, " "))
		},
		Status:  func(*directory) string { return s.String() + s.about() },
		Touch:   func(d *directory) { d.life = lifetime },
		Age:     s.age,
		Destroy: s.discard,
	}
	s.put(&directory{number: 0, secret: root, life: lifetime, columns: DefaultColumns})
	return s
}

// Refused is called with each request that is refused for its capability.
func (s *State) Refused(f func(c capability.Capability, command uint32, st std.Status)) {
	s.svc.Refused = f
}

// needs is the right that a command needs. What looks at rows needs a column that lets it.
func needs(command uint32) capability.Rights {
	switch command {
	case std.Info, std.Stat, std.Touch, std.SoapList, std.SoapLookup, std.SoapSetLookup, std.SoapGetMasks, std.SoapGetSeqNr, std.SoapWatch:
		return 0
	case std.SoapCreate, std.SoapAppend, std.SoapChmod, std.SoapDelete, std.SoapReplace, std.SoapInstall:
		return std.SoapRgtModify
	case std.SoapDiscard, std.Destroy:
		return std.SoapRgtDelete
	}
	return capability.AllRights
}

// String describes the state.
func (s *State) String() string {
	rows := 0
	for _, d := range s.dirs {
		rows += len(d.rows)
	}
	return fmt.Sprintf("directories %d\nrows %d\nbytes %d\nepoch %d\nupdates %d\nrefused_capbad %d\nrefused_denied %d\n",
		len(s.dirs), rows, s.bytes, s.Epoch, s.Seq, s.svc.Stats.CapBad, s.svc.Stats.Denied)
}

// put adds a directory, or replaces the one of its number.
func (s *State) put(d *directory) {
	if old := s.dirs[d.number]; old != nil {
		s.bytes -= old.bytes
	}
	d.bytes = len(encodeListing(d))
	s.bytes += d.bytes
	s.dirs[d.number] = d
	s.note(d)
}

func (s *State) remove(d *directory) {
	s.bytes -= d.bytes
	delete(s.dirs, d.number)
	s.note(d)
}

func (s *State) note(d *directory) {
	s.changed[d.number] = true
	s.changing(d.number)
}

// touched notes that rows of a directory have changed, by so many bytes.
func (s *State) touched(d *directory, bytes int) {
	d.seq = s.Seq
	d.bytes += bytes
	s.bytes += bytes
	s.note(d)
}

// Changed returns the numbers of the directories that have changed, or are gone, since
// the last call.
func (s *State) Changed() []uint64 {
	list := make([]uint64, 0, len(s.changed))
	for n := range s.changed {
		list = append(list, n)
	}
	clear(s.changed)
	slices.Sort(list)
	return list
}

// Root is the capability for the root with all rights.
func (s *State) Root() capability.Capability { return s.owner(s.dirs[0]) }

func (s *State) owner(d *directory) capability.Capability {
	return capability.Owner(s.port, d.number, d.secret)
}

// find returns where a row is, or would be.
func (d *directory) find(name string) (i int, ok bool) {
	return slices.BinarySearchFunc(d.rows, name, func(r std.SoapRow, name string) int { return strings.Compare(r.Name, name) })
}

// mask is what rights to a directory allow with the object of a row: the sum of what the
// columns say that the rights are for.
func (d *directory) mask(r *std.SoapRow, rights capability.Rights) (mask capability.Rights) {
	for i := range min(len(d.columns), len(r.Masks)) {
		if rights&(1<<i) != 0 {
			mask |= r.Masks[i]
		}
	}
	return mask
}

// visible reports whether rights are for any column.
func (d *directory) visible(rights capability.Rights) bool {
	return rights&(1<<len(d.columns)-1)&std.SoapRgtColumns != 0
}
