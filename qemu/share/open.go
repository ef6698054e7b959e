package share

import (
	"encoding/binary"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"motile/ipc/capability"
	"motile/ipc/filesys"
	"motile/ipc/std"
)

const oPath = 0x200000 // open(2): nothing is read or written

// heard: a node speaks. If it was restarted, what it had open before is forgotten.
func (s *Server) heard(o *filesys.Opener) {
	if boot, known := s.boots[o.Node]; known && boot != o.Boot {
		for _, x := range s.objects {
			s.release(x, o.Node, ^uint64(0))
		}
	}
	s.boots[o.Node] = o.Boot
}

// hold enters that a node, which has been heard, has an object open.
func (s *Server) hold(o *object, by *filesys.Opener) {
	for i := range o.holders {
		if x := &o.holders[i]; x.node == by.Node {
			x.seq = max(x.seq, by.Seq)
			return
		}
	}
	o.holders = append(o.holders, holder{by.Node, by.Seq})
}

// release: a node has an object open no more, but for opens under higher numbers.
func (s *Server) release(o *object, node uint32, upto uint64) {
	o.holders = slices.DeleteFunc(o.holders, func(x holder) bool { return x.node == node && x.seq <= upto })
	if len(o.holders) == 0 && !o.dir {
		o.close()
		delete(s.objects, o.number)
	}
}

// open opens a file, and makes it if it shall.
func (q *query) open(o *object) (errno, std.Status) {
	by, rest, ok := filesys.DecodeOpener(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	p, rest, ok := filesys.DecodePlace(rest)
	if !ok || len(rest) > 0 {
		return 0, std.ArgBad
	}
	q.heard(&by)
	flags := int(q.h.Extra)
	exclusive := flags&(syscall.O_CREAT|syscall.O_EXCL) == syscall.O_CREAT|syscall.O_EXCL
	pl, e := q.lookup(o, &p, 0, flags&syscall.O_NOFOLLOW == 0 && !exclusive, flags&syscall.O_CREAT != 0)
	if e == 0 {
		e = q.mayOpen(pl, flags, exclusive)
	}
	if e != 0 {
		return e, std.OK
	}
	made := pl.info == nil
	x, err := q.object(&pl, flags)
	if err == nil && flags&syscall.O_TRUNC != 0 && flags&oPath == 0 && !made {
		err = x.file.Truncate(0)
	}
	if err == nil && x.file != nil {
		pl.info, err = x.file.Stat()
	}
	if err != nil {
		return errnoOf(err), std.OK
	}
	if flags&oPath == 0 {
		q.hold(x, &by)
	}
	secret := q.secretOf(x.number)
	q.reply.SetCapability(capability.Derive(capability.Owner(q.port, x.number, secret), secret, q.granted(x, flags)))
	q.found(pl)
	return 0, std.OK
}

// mayOpen is what open(2) refuses.
func (q *query) mayOpen(pl place, flags int, exclusive bool) errno {
	writes := flags&syscall.O_ACCMODE != 0 || flags&syscall.O_TRUNC != 0
	switch x := pl.info; {
	case x == nil && flags&syscall.O_CREAT == 0:
		return errno(syscall.ENOENT)
	case flags&syscall.O_CREAT != 0 && pl.mustBeDir:
		return errno(syscall.EISDIR)
	case x == nil:
		return q.mayMake(pl, false)
	case exclusive:
		return errno(syscall.EEXIST)
	case flags&syscall.O_DIRECTORY != 0 && !x.IsDir():
		return errno(syscall.ENOTDIR)
	case flags&oPath != 0:
		return 0
	case x.Mode()&fs.ModeSymlink != 0:
		return errno(syscall.ELOOP)
	case x.IsDir() && (writes || flags&syscall.O_CREAT != 0):
		return errno(syscall.EISDIR)
	case writes && !q.may(filesys.RightWrite):
		return errno(syscall.EROFS)
	case !x.IsDir() && !x.Mode().IsRegular():
		return errno(syscall.ENXIO)
	}
	return 0
}

// object is what is at a place, opened so that the flags can be had of it. If nothing is
// there it is made.
func (q *query) object(pl *place, flags int) (*object, error) {
	const careful = syscall.O_NONBLOCK // lest the host has put a pipe there meanwhile
	if pl.info == nil {
		file, err := q.root.OpenFile(pl.path, os.O_RDWR|os.O_CREATE|os.O_EXCL|careful, 0o600)
		if err != nil {
			return nil, err
		}
		if err = file.Chmod(fileMode(q.h.Size)); err == nil {
			pl.info, err = file.Stat()
		}
		if err != nil {
			file.Close()
			return nil, err
		}
		return q.know(*pl, file, true)
	}
	write := flags&syscall.O_ACCMODE != 0 || flags&syscall.O_TRUNC != 0
	if pl.info.IsDir() || flags&oPath != 0 {
		return q.know(*pl, nil, false)
	}
	if x := q.objects[q.number(*pl)]; x != nil && x.file != nil && (x.write || !write) {
		return x, nil
	}
	mode := os.O_RDONLY
	if write {
		mode = os.O_RDWR
	}
	file, err := q.root.OpenFile(pl.path, mode|careful, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !os.SameFile(info, pl.info) {
		err = syscall.ESTALE
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return q.know(*pl, file, write)
}

// know enters an object, or finds it; its file is the given one from now on.
func (s *Server) know(pl place, file *os.File, write bool) (*object, error) {
	number := s.number(pl)
	x := s.objects[number]
	if x == nil {
		if len(s.objects) >= maxObjects {
			if file != nil {
				file.Close()
			}
			return nil, syscall.ENFILE
		}
		x = &object{number: number}
		s.objects[number] = x
	}
	x.path, x.dir = pl.path, pl.info.IsDir()
	if file != nil {
		x.close()
		x.file, x.write = file, write
	}
	return x, nil
}

// granted are the rights of a file's capability, as it was opened.
func (q *query) granted(x *object, flags int) capability.Rights {
	r := filesys.RightAttr
	acc := flags & syscall.O_ACCMODE
	if acc != syscall.O_WRONLY {
		r |= filesys.RightRead
	}
	if acc != 0 || x.dir {
		r |= filesys.RightWrite
	}
	return r & q.rights
}

// holds serves what a node says of its own accord: files that it has open, or no more.
func (q *query) holds() (errno, std.Status) {
	by, rest, ok := filesys.DecodeOpener(q.data)
	if !ok {
		return 0, std.ArgBad
	}
	if q.h.Command == filesys.Hold {
		q.heard(&by)
	}
	for len(rest) > 0 {
		var h filesys.Held
		if h, rest, ok = filesys.DecodeHeld(rest); !ok {
			return 0, std.ArgBad
		}
		x := q.objects[h.Object]
		if x == nil { // who has it open finds out
			if q.h.Command == filesys.Hold {
				q.out = binary.BigEndian.AppendUint64(q.out, 0)
			}
			continue
		}
		c := capability.Capability{Port: q.port, Object: h.Object, Rights: capability.Rights(h.Rights), Check: h.Check}
		if q.std.Verify(c, x.number, q.secretOf(x.number), 0) != std.OK {
			return 0, std.CapBad
		}
		if q.h.Command == filesys.Hold {
			q.hold(x, &by)
			q.out = binary.BigEndian.AppendUint64(q.out, 0)
		} else if q.boots[by.Node] == by.Boot {
			q.release(x, by.Node, h.Upto)
		}
	}
	return 0, std.OK
}
