package file

import (
	"fmt"
	"strings"
	"sync"

	"motile/ipc/capability"
)

// mending is a disk's catching up: what it lacks is copied there, a few files at a time,
// while new ones are made there too. When it has all, a checkpoint makes it current.
type mending struct {
	disk   int
	todo   []lacking
	all    int
	cannot map[*block]bool // be read from anywhere
}

// lacking is a block that has no copy where one is to be.
type lacking struct {
	n *inode
	b *block
}

// Mend does a little for a disk that is to catch up, between two commits. It reports
// whether there is more to do. mu guards the server.
func (k *Keeper) Mend(mu sync.Locker, s *Server) (more bool, err error) {
	if k.mend != nil && !k.used[k.mend.disk] {
		k.mend = nil
	}
	switch m := k.mend; {
	case k.cut != nil:
		return false, nil
	case m == nil:
		for i := range k.disks {
			if k.back[i].Swap(false) && !k.used[i] {
				return true, k.catchUp(mu, s, i)
			}
		}
		return false, nil
	case len(m.todo) > 0:
		k.copy(mu, s)
		return k.used[m.disk], nil
	default:
		if k.list(mu, s); len(m.todo) > 0 {
			return true, nil
		}
		if err := k.Commit(mu, s, true); err != nil {
			return false, err
		}
		if k.current(m.disk) {
			k.mend, k.why[m.disk], k.failed[m.disk] = nil, nil, 0
		}
		return k.mend != nil, nil
	}
}

// catchUp begins with a disk that answers again: what it has and nobody names is destroyed,
// and what is named and not there is not named any more.
func (k *Keeper) catchUp(mu sync.Locker, s *Server, disk int) error {
	there, err := k.tagged(disk)
	if err != nil {
		k.leave(disk, err)
		return nil
	}
	// Of a server that has taken the storage over nothing is among that, if it is ours now.
	if err := k.owned(); err != nil {
		return err
	}
	stale := func(f *File) bool {
		if _, ok := there[f[disk]]; ok || f[disk].IsNull() {
			return false
		}
		f[disk] = capability.Capability{}
		return true
	}
	mu.Lock()
	s.files(func(n *inode, b *block) {
		if stale(&b.file) {
			s.book.parts[n.number/partInodes] = true
		}
	})
	for i := range s.book.trash {
		stale(&s.book.trash[i])
	}
	for i := range k.journal {
		stale(&k.journal[i])
	}
	for index, f := range k.parts {
		if stale(&f); f[disk].IsNull() {
			s.book.parts[index] = true
		}
		k.parts[index] = f
	}
	keep := k.named(s)
	mu.Unlock()
	var rubbish []File
	for c := range there {
		if !keep[c] {
			f := File{}
			f[disk] = c
			rubbish = append(rubbish, f)
		}
	}
	if err := k.store.Destroy([]int{disk}, rubbish)[0]; err != nil && away(err) {
		k.leave(disk, err)
		return nil
	}
	k.silent[disk].Store(false)
	k.used[disk], k.mend = true, &mending{disk: disk, cannot: make(map[*block]bool)}
	k.list(mu, s)
	return nil
}

// list finds what the disk lacks.
func (k *Keeper) list(mu sync.Locker, s *Server) {
	m := k.mend
	mu.Lock()
	defer mu.Unlock()
	s.files(func(n *inode, b *block) {
		if b.file[m.disk].IsNull() && !m.cannot[b] {
			m.todo = append(m.todo, lacking{n, b})
		}
	})
	m.all = len(m.todo)
}

// copy copies some files. If the disk fails, it is left again.
func (k *Keeper) copy(mu sync.Locker, s *Server) {
	m := k.mend
	piece := m.todo[:min(len(m.todo), atOnce)]
	m.todo = m.todo[len(piece):]
	var files []File
	var data [][]byte
	var of []lacking
	for _, x := range piece {
		mu.Lock()
		file := x.b.file
		mu.Unlock()
		if file.IsNull() || !file[m.disk].IsNull() {
			continue
		}
		var whole []byte
		err := k.get(file, func(b []byte) error { whole = b; return nil })
		switch {
		case err == nil:
			files, data, of = append(files, file), append(data, whole), append(of, x)
		case away(err):
			k.leave(m.disk, err)
			return
		default:
			m.cannot[x.b] = true
		}
	}
	if len(data) == 0 {
		return
	}
	made, errs := k.store.Create([]int{m.disk}, TagBlock, data)
	var strays []File
	mu.Lock()
	for i, x := range of {
		if b := x.b; !b.gone && b.file == files[i] {
			b.file[m.disk] = made[i][m.disk]
			s.book.parts[x.n.number/partInodes] = true
		} else {
			strays = append(strays, made[i])
		}
	}
	mu.Unlock()
	k.destroy(strays)
	if errs[0] != nil {
		k.leave(m.disk, errs[0])
	}
}

// complete reports whether a disk will have all when the checkpoint of the present cut is
// there. Preconditions: the server is as it was cut.
func (k *Keeper) complete(s *Server, disk int) bool {
	if !k.cut.checkpoint || k.mend == nil || k.mend.disk != disk {
		return false
	}
	rewritten := make(map[uint64]bool)
	for _, index := range k.cut.parts {
		rewritten[index] = true
	}
	for index, f := range k.parts {
		if f[disk].IsNull() && !rewritten[index] {
			return false
		}
	}
	all := true
	s.files(func(n *inode, b *block) {
		if b.file[disk].IsNull() && !b.shared && !k.mend.cannot[b] {
			all = false
		}
	})
	return all
}

// String says which disks have what.
func (k *Keeper) String() string {
	var b strings.Builder
	for i, d := range k.disks {
		fmt.Fprintf(&b, "copy on %s: ", d.Name)
		switch {
		case k.current(i) && k.used[i]:
			b.WriteString("current\n")
		case k.used[i] && k.mend != nil:
			fmt.Fprintf(&b, "being made, %d of %d blocks are to be copied\n", len(k.mend.todo), k.mend.all)
		case k.why[i] != nil:
			fmt.Fprintf(&b, "out of date, since it could not be used: %v\n", k.why[i])
		default:
			b.WriteString("out of date\n")
		}
	}
	return b.String()
}
