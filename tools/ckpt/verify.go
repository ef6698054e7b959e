package main

import (
	"fmt"
	"strings"

	"motile/migrate/image"
	"motile/migrate/seal"
	"motile/servers/checkpoints"
	"motile/servers/cmd/operate"
)

type verifyCmd struct {
	File []string `arg:"" name:"file" help:"Checkpoint files."`
}

// verified is what a file that is as it should be has in it.
type verified struct {
	File       string   `json:"file"`
	Wrong      string   `json:"wrong"` // empty: nothing is
	PID        int32    `json:"pid,omitempty"`
	Lineage    string   `json:"lineage,omitempty"`
	Generation uint64   `json:"generation,omitempty"`
	Version    int      `json:"version,omitempty"`
	Pages      int      `json:"pages"`
	Files      int      `json:"files"`
	Bytes      int64    `json:"bytes"`
	Unknown    []string `json:"unknown"` // records that are kept, and that nobody here knows
}

type verifications []verified

// Run checks files, all of them, and fails if one is wrong.
func (cmd *verifyCmd) Run(o *options) error {
	key, err := o.key()
	if err != nil {
		return err
	}
	all, wrong := verifications{}, 0
	for _, path := range cmd.File {
		v, err := verify(path, (*[32]byte)(&key))
		if v.File = path; err != nil {
			v.Wrong = err.Error()
			wrong++
		}
		all = append(all, v)
	}
	if err := o.tell(all); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d files are not as they should be", wrong, len(all))
	}
	return nil
}

// verify checks the seal of a file, its records, what they say of each other, and that
// the state of the endpoints, which is sealed by itself, opens in this checkpoint.
func verify(path string, key *[32]byte) (v verified, err error) {
	f, err := checkpoints.Open(path, key)
	if err != nil {
		return v, err
	}
	defer f.Close()
	l, st := f.Lineage, &f.Stats
	v = verified{PID: f.Process.PID, Lineage: fmt.Sprintf("%x", l.ID), Generation: l.Generation, Version: f.Version,
		Pages: st.Raw + st.Zero + st.LZ4, Files: st.Files, Bytes: st.Bytes, Unknown: []string{}}
	for _, r := range f.Others {
		v.Unknown = append(v.Unknown, r.Type.String())
	}
	text, err := seal.Open(key, l.Bound(), f.RPC)
	if err == nil {
		err = image.Unmarshal(text, new(image.RPC))
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, &image.RecordError{Type: image.TypeRPC, Err: err})
	}
	return v, nil
}

func (all verifications) String() string {
	var b strings.Builder
	for _, v := range all {
		if v.Wrong != "" {
			fmt.Fprintf(&b, "%s\n", v.Wrong)
			continue
		}
		fmt.Fprintf(&b, "%s: process %d, lineage %s, checkpoint %d: %d pages, %d files, %s; nothing is wrong\n",
			v.File, v.PID, v.Lineage, v.Generation, v.Pages, v.Files, operate.Size(v.Bytes))
		if len(v.Unknown) > 0 {
			fmt.Fprintf(&b, "  records that are unknown here: %s\n", strings.Join(v.Unknown, ", "))
		}
	}
	return b.String()
}
