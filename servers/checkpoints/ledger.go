package checkpoints

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"motile/migrate/image"
)

// Ledger is a file that remembers the newest checkpoint of each lineage that was written
// or restarted here, so that an older one is not restarted by mistake, or by somebody who
// has kept it.
type Ledger string

// maxLineages is how many it remembers, the latest.
const maxLineages = 4096

// entry is a lineage's line.
type entry struct {
	Lineage    string `json:"lineage"` // hex
	Generation uint64 `json:"generation"`
	Taken      int64  `json:"taken"` // ns since 1970
	Path       string `json:"path"`  // of the file
}

// OldError: there is a newer checkpoint.
type OldError struct {
	PID              int32
	Generation, Last uint64
	Taken            time.Time // the last
	Path             string    // where it was, if known
}

func (e *OldError) Error() string {
	where := ""
	if e.Path != "" {
		where = ", " + e.Path
	}
	return fmt.Sprintf("checkpoint %d of what was process %d is not the newest: that is %d, of %s%s (--old restarts this one all the same)",
		e.Generation, e.PID, e.Last, e.Taken.Format(time.DateTime), where)
}

// Check reports whether a checkpoint is older than one that is known.
func (l Ledger) Check(c *image.Lineage) error {
	entries, err := l.read()
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Lineage == hex.EncodeToString(c.ID[:]) && e.Generation > c.Generation {
			return &OldError{c.PID, c.Generation, e.Generation, time.Unix(0, e.Taken), e.Path}
		}
	}
	return nil
}

// Note remembers a checkpoint, if it is the newest.
func (l Ledger) Note(c *image.Lineage, path string) error {
	if err := os.MkdirAll(filepath.Dir(string(l)), 0o755); err != nil {
		return err
	}
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	entries, err := l.read()
	if err != nil {
		return err
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	id := hex.EncodeToString(c.ID[:])
	i := slices.IndexFunc(entries, func(e entry) bool { return e.Lineage == id })
	if i >= 0 && entries[i].Generation > c.Generation {
		return nil
	}
	if i >= 0 {
		entries = slices.Delete(entries, i, i+1)
	}
	entries = append(entries, entry{id, c.Generation, c.Taken, path})
	return l.write(entries[max(len(entries)-maxLineages, 0):])
}

// lock keeps others from changing the ledger.
func (l Ledger) lock() (unlock func(), err error) {
	f, err := os.OpenFile(string(l)+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil && !errors.Is(err, syscall.ENOSYS) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", l, err)
	}
	return func() { f.Close() }, nil
}

func (l Ledger) read() (entries []entry, err error) {
	text, err := os.ReadFile(string(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for n, line := range bytes.Split(text, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil || len(e.Lineage) != 32 {
			return nil, fmt.Errorf("%s:%d: not the line of a lineage: it was changed by hand; mend it, or remove it if no old checkpoint matters", l, n+1)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (l Ledger) write(entries []entry) error {
	var text bytes.Buffer
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		text.Write(append(line, '\n'))
	}
	f, err := os.CreateTemp(filepath.Dir(string(l)), ".lineages.*")
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), string(l))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
