package result

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Result is one run. Ratios are between what was measured in it, in turns.
type Result struct {
	Began   time.Time `json:"began"`
	Took    string    `json:"took"`
	Load    [2]string `json:"load_average"` // before and after
	CPUs    int       `json:"host_cpus"`
	QEMU    string    `json:"qemu"` // its version, and what all machines have of it
	Peers   []string  `json:"peers"`
	Runs    int       `json:"runs"`
	Short   bool      `json:"short,omitempty"` // to see that it works: nothing is held against a target
	Missing []Missing `json:"missing,omitempty"`
	Rows    []Row     `json:"rows"`
}

// Missing is a peer, or something of one, that could not be measured.
type Missing struct {
	Peer string `json:"peer"`
	Why  string `json:"why"`
}

// Unit is what the numbers of a row are.
type Unit string

// The units. Of times less is better, of rates more.
const (
	Ns  Unit = "ns"
	MBs Unit = "MB/s" // 10⁶ bytes a second
)

// Row holds ours against a peer's.
type Row struct {
	Suite string `json:"suite"`
	Name  string `json:"name"` // what of ours
	Peer  string `json:"peer"` // against what
	Unit  Unit   `json:"unit"`
	Ours  Stat   `json:"ours"`
	Their Stat   `json:"theirs"`

	Ratio float64  `json:"ratio"`           // ours by theirs, of the medians
	Limit *float64 `json:"limit,omitempty"` // of the ratio; of rates the least
	Met   *bool    `json:"met,omitempty"`
	Note  string   `json:"note,omitempty"`
}

// Lost says that ours is worse.
func (w *Row) Lost() bool {
	if w.Unit == MBs {
		return w.Ratio < 1
	}
	return w.Ratio > 1
}

// Add holds a sample of ours against a peer's.
func (r *Result) Add(suite, name, peer string, unit Unit, ours, theirs Sample) *Row {
	w := Row{Suite: suite, Name: name, Peer: peer, Unit: unit, Ours: ours.Stat(), Their: theirs.Stat()}
	w.Ratio = w.Ours.Median / w.Their.Median
	r.Rows = append(r.Rows, w)
	return &r.Rows[len(r.Rows)-1]
}

// Target holds the last row's ratio against a limit.
func (r *Result) Target(limit float64) {
	w := &r.Rows[len(r.Rows)-1]
	w.Limit = &limit
	if r.Short {
		return
	}
	met := w.Ratio <= limit
	if w.Unit == MBs {
		met = w.Ratio >= limit
	}
	w.Met = &met
}

// Miss notes that something could not be measured.
func (r *Result) Miss(peer string, why error) {
	r.Missing = append(r.Missing, Missing{peer, strings.Join(strings.Fields(why.Error()), " ")})
}

// Load reads a record.
func Load(file string) (*Result, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Save writes the record, whole or not at all.
func (r *Result) Save(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
