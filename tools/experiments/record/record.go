package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Record is an experiment that was done.
type Record struct {
	Experiment   string        `json:"experiment"`
	Scale        Scale         `json:"scale"`
	Seed         uint64        `json:"seed"` // of the order in which things are measured, and of random content
	Runs         int           `json:"runs"`
	Began        time.Time     `json:"began"`
	Seconds      float64       `json:"seconds"` // all of it
	Host         Host          `json:"host"`
	Axes         []Axis        `json:"axes"`
	Measurements []Measurement `json:"measurements"`
}

// Scale says how much of an experiment was done.
type Scale string

const (
	Full  Scale = "full"
	Short Scale = "short" // a part of the grid, few runs: a first look
	Once  Scale = "once"  // to see that it works
)

// Host is the machine that QEMU ran on.
type Host struct {
	CPU    string    `json:"cpu"`
	CPUs   int       `json:"cpus"`
	Memory string    `json:"memory"`
	Kernel string    `json:"kernel"`
	QEMU   string    `json:"qemu"`
	Load   [2]string `json:"load_average"` // before and after
}

// Axis is a parameter that was varied, and its values in their order.
type Axis struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Params are the values of one measurement's parameters.
type Params map[string]string

// Values are what was measured. A name ends with its unit: total_ms, sent_bytes.
type Values map[string]float64

// Measurement is one of them. If it was not possible, Without says why.
type Measurement struct {
	Run     int    `json:"run"`
	Params  Params `json:"params"`
	Values  Values `json:"values,omitempty"`
	Without string `json:"without,omitempty"`
	Used    string `json:"used,omitempty"` // the strategy that was chosen, if another than the one asked for
	Note    string `json:"note,omitempty"` // what did not go as was asked for
}

// Path of an experiment's file with an extension, "json", "csv" or "svg".
func Path(dir, experiment, extension string) string {
	return filepath.Join(dir, experiment+"."+extension)
}

// Load reads the record of an experiment. It is an error that there is none.
func Load(dir, experiment string) (*Record, error) {
	path := Path(dir, experiment, "json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Experiment != experiment {
		return nil, fmt.Errorf("%s: it is the record of %q", path, r.Experiment)
	}
	return r, nil
}

// Save writes a record, as a whole or not at all.
func (r *Record) Save(dir string) error {
	text, err := r.json()
	if err != nil {
		return err
	}
	return WriteFile(Path(dir, r.Experiment, "json"), text)
}

// WriteFile replaces a file, so that whoever interrupts us finds the old one or the new.
func WriteFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// json has a line for each measurement: they are many.
func (r *Record) json() ([]byte, error) {
	head := *r
	head.Measurements = nil
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSuffix(text, []byte("null}"))
	text = append(text, '[')
	for i, m := range r.Measurements {
		line, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, '\n'), line...)
	}
	return append(text, "\n]}\n"...), nil
}
