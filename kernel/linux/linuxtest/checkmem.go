package linuxtest

import (
	"fmt"
	"slices"

	"motile/kernel/abi"
	"motile/kernel/fs"
	"motile/kernel/hw"
	"motile/kernel/object"
	"motile/kernel/vm"
)

// survey is everything that holds page frames: spaces, and stores of files and
// of shared memory.
type survey struct {
	spaces []*vm.Space
	stores map[*vm.Store]int    // users that were found
	frames map[hw.PFN]*vm.Store // of stores
	leaves map[hw.PFN]int       // page-table entries that map it
	tables int
	pages  int
	away   int
	parts  int // frames with what was written to pages that are away
}

// inspectMemory: page tables agree with regions, private pages that can be
// written belong to one space alone, and no frame is used twice or lost.
func (b *Bench) inspectMemory() error {
	s := &survey{stores: make(map[*vm.Store]int), frames: make(map[hw.PFN]*vm.Store), leaves: make(map[hw.PFN]int)}
	b.findStores(s)
	for _, p := range b.Tab.Processes() {
		if !slices.Contains(s.spaces, p.Space) {
			s.spaces = append(s.spaces, p.Space)
			for _, r := range p.Space.Regions() {
				if r.Store != nil {
					s.stores[r.Store]++
				}
			}
		}
	}
	for st, found := range s.stores {
		if users := int(field(st, "users").Int()); users != found {
			return fmt.Errorf("a store of %d bytes has %d users, found %d", st.Size(), users, found)
		}
		for i, p := st.NextPage(0); p != 0; i, p = st.NextPage(i + 1) {
			if s.frames[p] != nil {
				return fmt.Errorf("two stores hold frame %d", p)
			}
			s.frames[p] = st
		}
	}
	for _, sp := range s.spaces {
		if err := s.space(sp, false); err != nil {
			return err
		}
	}
	for _, sp := range s.spaces {
		if err := s.space(sp, true); err != nil {
			return err
		}
	}
	used := s.tables + len(s.frames) + s.parts
	for p := range s.leaves {
		if s.frames[p] == nil {
			used++
		}
	}
	for vm.Sweep() {
	}
	if taken := int(b.frames - hw.Stats().Free); taken != used {
		return fmt.Errorf("%d page frames are taken, %d are in use", taken, used)
	}
	return nil
}

// findStores counts the files: those in the tree and those that are only open.
func (b *Bench) findStores(s *survey) {
	nodes := make(map[*fs.Node]bool)
	var walk func(dir string)
	walk = func(dir string) {
		for _, e := range b.list(dir) {
			switch name := dir + e.Name; e.Type {
			case object.ModeDir:
				if name != "/proc" {
					walk(name + "/")
				}
			case object.ModeReg:
				nodes[b.placeOf(name).Node] = true
			}
		}
	}
	walk("/")
	for _, p := range b.Tab.Processes() {
		for fd := range p.FDs.Len() {
			if f := p.FDs.Held(int32(fd)); f != nil {
				if r, ok := f.Impl.(*fs.Regular); ok {
					nodes[r.Node] = true
				}
			}
		}
	}
	for n := range nodes {
		s.stores[n.Store()]++
	}
}

// space walks one page table. The first pass counts, the second compares.
func (s *survey) space(sp *vm.Space, second bool) error {
	root := hw.PFN(field(sp, "root").Uint())
	for _, e := range hw.Table(root)[hw.PML4Kernel:] {
		if e != 0 {
			return fmt.Errorf("a page table has something in the kernel half")
		}
	}
	if second {
		return s.walk(sp, root, 0, 39, false)
	}
	if err := checkRegions(sp); err != nil {
		return err
	}
	tables, pages, away := s.tables, s.pages, s.away
	s.tables++ // the root
	if err := s.walk(sp, root, 0, 39, true); err != nil {
		return err
	}
	tables, pages = s.tables-tables, s.pages-pages
	if resident, _ := sp.Resident(); resident != pages || sp.Tables() != tables {
		return fmt.Errorf("a space claims %d pages and %d tables, and has %d and %d", resident, sp.Tables(), pages, tables)
	}
	if away = s.away - away; sp.Away() != away {
		return fmt.Errorf("of a space %d pages are said to be away, and %d are", sp.Away(), away)
	}
	partials := field(sp, "partials")
	s.parts += partials.Len()
	for _, key := range partials.MapKeys() {
		if _, is := sp.IsAway(key.Uint()); !is {
			return fmt.Errorf("page %#x has a part, and is not away", key.Uint())
		}
	}
	return nil
}

func frameOf(e uint64) hw.PFN { return hw.PFN(e & hw.PTEAddr >> 12) }

func (s *survey) walk(sp *vm.Space, table hw.PFN, base uint64, shift uint, count bool) error {
	n := 512
	if shift == 39 {
		n = hw.PML4Kernel
	}
	for i, e := range hw.Table(table)[:n] {
		if e == 0 {
			continue
		}
		addr := base + uint64(i)<<shift
		if shift == 12 {
			if e&hw.PTEPresent == 0 {
				if err := s.absent(sp, addr); err != nil {
					return err
				}
				if count {
					s.away++
				}
			} else if count {
				s.leaves[frameOf(e)]++
				s.pages++
			} else if err := s.compare(sp, addr, e); err != nil {
				return err
			}
			continue
		}
		if count {
			s.tables++
		}
		if err := s.walk(sp, frameOf(e), addr, shift-9, count); err != nil {
			return err
		}
	}
	return nil
}

func checkRegions(sp *vm.Space) error {
	last := uint64(0)
	for _, r := range sp.Regions() {
		if r.Start < last || r.Start >= r.End || r.End > abi.UserTop || (r.Start|r.End|uint64(r.Off))%vm.PageBytes != 0 || r.Off < 0 {
			return fmt.Errorf("region %#x-%#x at offset %#x after %#x", r.Start, r.End, r.Off, last)
		}
		last = r.End
	}
	return nil
}

// absent checks a page that is away.
func (s *survey) absent(sp *vm.Space, addr uint64) error {
	if _, away := sp.IsAway(addr); !away {
		return fmt.Errorf("page %#x is neither here nor away", addr)
	}
	if r, ok := sp.Region(addr); !ok || r.Shared {
		return fmt.Errorf("page %#x is away, and not private memory", addr)
	}
	return nil
}

// compare checks one page against the region it lies in.
func (s *survey) compare(sp *vm.Space, addr, e uint64) error {
	const fromStore = hw.PTESoft0
	r, ok := sp.Region(addr)
	if !ok {
		return fmt.Errorf("page %#x lies in no region", addr)
	}
	p := frameOf(e)
	switch {
	case e&hw.PTEWrite != 0 && r.Prot&vm.ProtWrite == 0,
		e&hw.PTENX == 0 && r.Prot&vm.ProtExec == 0,
		e&hw.PTEUser != 0 && r.Prot == 0:
		return fmt.Errorf("page %#x has rights %#x, its region %#x", addr, e, r.Prot)
	case e&hw.PTEWrite != 0 && !r.Shared && (s.leaves[p] != 1 || s.frames[p] != nil):
		return fmt.Errorf("private page %#x can be written and has %d users", addr, s.leaves[p])
	case e&fromStore != 0 && (r.Store == nil || s.frames[p] != r.Store):
		return fmt.Errorf("page %#x is said to be a store's, and is not", addr)
	case r.Shared && r.Store != nil && s.frames[p] != r.Store:
		return fmt.Errorf("page %#x of shared memory is not the store's", addr)
	}
	return nil
}
