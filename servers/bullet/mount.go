package bullet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"motile/ipc/std"
)

// Errors of Mount. Each says what to do.
var (
	errForeign = errors.New("it is not empty, and not a Bullet disk: format it (motiled bullet --format), which destroys what is on it")
	errDamaged = errors.New("its superblock is damaged")
	errBlank   = errors.New("it is blank")
)

// Repair says what Mount may change of a disk that is not as it should be.
type Repair int

const (
	Keep     Repair = iota // nothing
	Mend                   // give files up that are damaged, and the superblock its copy
	Reformat               // everything: there are no files afterwards
)

// Mount finds out what is on a disk. One that is blank is formatted; on one that is
// damaged, or somebody else's, nothing is written unless repair says so.
func Mount(disk Disk, cfg Config, repair Repair) (*Store, error) {
	sb, whole, err := openDisk(disk, cfg, repair)
	if err != nil {
		return nil, err
	}
	s := &Store{disk: disk, cfg: cfg, sb: sb, batches: whole, gather: newBatch(), files: make([]*file, 1), lowest: 1}
	s.changed.L = &s.mu
	s.cache.most, s.cache.chunks = cfg.CacheBytes, make(map[chunkKey]*chunk)
	bad, err := s.readTable()
	if err != nil {
		return nil, err
	}
	if torn := s.dropTorn(whole); torn > 0 {
		s.say(fmt.Sprintf("%d files were being made when the disk was left, and are not there", torn))
	}
	bad = append(bad, s.overlaps()...)
	if len(bad) > 0 && repair != Mend {
		return nil, fmt.Errorf("%d inodes are damaged, the first is that of file %d: “motiled bullet --mend” goes on without those files, %d others are whole",
			len(bad), bad[0], s.count-len(bad))
	}
	s.takeSpace()
	if len(bad) > 0 {
		s.say(fmt.Sprintf("%d files were damaged and are given up: %v", len(bad), bad))
	}
	if s.batches > whole { // what was found of the last batches is to stay so
		if err := disk.Sync(); err != nil {
			return nil, err
		}
	}
	s.stable, s.noted = s.batches, whole
	// What is free must be so on the disk too before anybody writes there.
	if st := s.Sync(); st != std.OK {
		return nil, s.broken
	}
	return s, nil
}

func openDisk(disk Disk, cfg Config, repair Repair) (sb superblock, whole uint64, err error) {
	size := disk.Blocks()
	if size < minBlocks {
		return sb, 0, fmt.Errorf("a disk of %d blocks is too small: %d are needed", size, minBlocks)
	}
	if repair == Reformat {
		sb, err = format(disk, cfg)
		return sb, 0, err
	}
	p := make([]byte, blockSize)
	if err := disk.Read(0, p); err != nil {
		return sb, 0, err
	}
	sb, whole, err = decodeSuper(p, size)
	switch {
	case errors.Is(err, errForeign) && allZero(p):
		if err = blank(disk); errors.Is(err, errBlank) {
			sb, err = format(disk, cfg)
		}
	case errors.Is(err, errDamaged):
		if copied, ok := superCopy(disk); !ok {
			err = fmt.Errorf("%w, and its copy too: only formatting it is left (motiled bullet --format), which destroys all files", err)
		} else if repair != Mend {
			err = fmt.Errorf("%w, and its copy is good: “motiled bullet --mend” restores it", err)
		} else {
			sb, err = copied, disk.Write(0, copied.encode(0))
		}
	}
	return sb, whole, err
}

// superCopy is the superblock's copy. The last block is where it says, if nobody has
// changed the disk's size.
func superCopy(disk Disk) (superblock, bool) {
	p := make([]byte, blockSize)
	if disk.Read(disk.Blocks()-1, p) != nil {
		return superblock{}, false
	}
	sb, _, err := decodeSuper(p, disk.Blocks())
	return sb, err == nil
}

// blank returns errBlank if a disk is all zeros, and errForeign if it is not.
func blank(disk Disk) error {
	if b, ok := disk.(Blank); ok && b.Blank() {
		return errBlank
	}
	p := make([]byte, chunkSize)
	for at, size := uint64(0), disk.Blocks(); at < size; at += std.DiskMost {
		p = p[:min(size-at, std.DiskMost)*blockSize]
		if err := disk.Read(at, p); err != nil {
			return err
		}
		if !allZero(p) {
			return errForeign
		}
	}
	return errBlank
}

// allZero compares each byte with the one before it: that goes in long words, and a disk
// is long.
func allZero(p []byte) bool {
	return len(p) == 0 || p[0] == 0 && bytes.Equal(p[1:], p[:len(p)-1])
}

// format makes an empty Bullet disk. The superblock is written last: a disk that was
// formatted in part is none.
func format(disk Disk, cfg Config) (superblock, error) {
	var id [16]byte
	for i := range id {
		id[i] = byte(cfg.Random())
	}
	sb, err := plan(disk.Blocks(), id)
	if err != nil {
		return sb, err
	}
	zeros := make([]byte, chunkSize)
	if err := disk.Write(0, zeros[:blockSize]); err != nil { // what was there is not valid from now on
		return sb, err
	}
	for at := uint64(tableStart); at < sb.data; at += std.DiskMost {
		if err := disk.Write(at, zeros[:min(sb.data-at, std.DiskMost)*blockSize]); err != nil {
			return sb, err
		}
	}
	if err := disk.Write(sb.blocks-1, sb.encode(0)); err != nil {
		return sb, err
	}
	if err := disk.Sync(); err != nil {
		return sb, err
	}
	if err := disk.Write(0, sb.encode(0)); err != nil {
		return sb, err
	}
	return sb, disk.Sync()
}

// readTable reads all inodes. It returns the numbers of those that are not sound, which
// are free from now on.
func (s *Store) readTable() (bad []uint64, err error) {
	p := make([]byte, chunkSize)
	for block := uint64(tableStart); block < s.sb.data; block += std.DiskMost {
		p = p[:min(s.sb.data-block, std.DiskMost)*blockSize]
		if err := s.disk.Read(block, p); err != nil {
			return nil, err
		}
		first := (block - tableStart) * perBlock
		for at := 0; at < len(p); at += inodeSize {
			number := first + uint64(at/inodeSize)
			in, used, sound := s.sb.decodeInode(p[at:], number)
			switch {
			case used && (!sound || number == 0):
				s.gather.touch(number)
				bad = append(bad, number)
			case used:
				s.put(number, in)
			}
		}
	}
	return bad, nil
}

// put enters a file that was found on the disk.
func (s *Store) put(number uint64, in inode) {
	for uint64(len(s.files)) <= number {
		s.files = append(s.files, nil)
	}
	s.files[number] = &file{number: number, secret: in.secret, tag: in.tag, size: in.size, sum: in.sum, summed: true, record: in,
		ext: &extent{run: run{in.start, blocksOf(in.size)}}}
	s.count++
}

// dropTorn forgets files of batches of which the disk does not say that they are whole, if
// they are not, and returns how many.
func (s *Store) dropTorn(whole uint64) (torn int) {
	for _, f := range s.files {
		if f == nil || f.record.batch <= whole {
			continue
		}
		s.batches = max(s.batches, f.record.batch)
		if !s.whole(f.ext, f.size, f.sum) {
			s.forget(f)
			torn++
		}
	}
	return torn
}

// forget takes a file out of the table that was found on the disk.
func (s *Store) forget(f *file) {
	f.gone = true
	s.files[f.number] = nil
	s.count--
	s.gather.touch(f.number)
}

// overlaps returns the files that have blocks in common with another, and forgets those
// of them whose contents are not what their inodes say.
func (s *Store) overlaps() (bad []uint64) {
	var prev *file
	for _, f := range s.byPlace() {
		if prev != nil && f.ext.start < prev.ext.end() {
			for _, x := range []*file{prev, f} {
				if !x.gone && !s.whole(x.ext, x.size, x.sum) {
					s.forget(x)
					bad = append(bad, x.number)
				}
			}
		}
		if prev == nil || f.ext.end() > prev.ext.end() || prev.gone {
			prev = f
		}
	}
	return bad
}

// byPlace lists the files that have blocks, in the order in which they lie.
func (s *Store) byPlace() (list []*file) {
	for _, f := range s.files {
		if f != nil && f.ext.n > 0 {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b *file) int {
		if a.ext.start < b.ext.start {
			return -1
		}
		return 1
	})
	return list
}

// takeSpace makes free what no file has.
func (s *Store) takeSpace() {
	at := s.sb.data
	for _, f := range s.byPlace() {
		if f.ext.start > at {
			s.space.give(at, f.ext.start-at)
		}
		at = max(at, f.ext.end())
	}
	if end := s.sb.blocks - 1; at < end {
		s.space.give(at, end-at)
	}
}

// whole reports whether contents have their checksum.
func (s *Store) whole(e *extent, size uint64, want uint32) bool {
	p := make([]byte, chunkSize)
	sum := uint32(0)
	for off := uint64(0); off < size; off += chunkSize {
		n := min(size-off, chunkSize)
		p = p[:blocksOf(n)*blockSize]
		if s.disk.Read(e.start+off/blockSize, p) != nil {
			return false
		}
		sum = checksum(sum, p[:n])
	}
	return sum == want
}
