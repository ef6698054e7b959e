package codec

import (
	"bytes"
	"testing"
)

type record struct {
	id   [16]byte
	row  int32
	ok   bool
	data []byte
	list []uint16
}

func code(c *Coder, r *record) {
	ID(c, &r.id)
	U32(c, &r.row)
	c.Flag(&r.ok)
	c.Data(&r.data)
	List(c, &r.list, 2, func(c *Coder, v *uint16) { U16(c, v) })
}

func TestCoder_BothDirectionsAreOne(t *testing.T) {
	r := record{id: [16]byte{15: 7}, row: -1, ok: true, data: []byte("data"), list: []uint16{1, 0xffff}}
	w := NewWriter([]byte{9})
	code(w, &r)
	want := append(append([]byte{9}, r.id[:]...), 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 4, 'd', 'a', 't', 'a', 0, 0, 0, 2, 0, 1, 0xff, 0xff)
	if !bytes.Equal(w.Bytes(), want) {
		t.Fatalf("% x, want % x", w.Bytes(), want)
	}
	var got record
	c := NewReader(want[1:])
	code(c, &got)
	if !c.Complete() || got.id != r.id || got.row != -1 || !got.ok || string(got.data) != "data" || len(got.list) != 2 || got.list[1] != 0xffff {
		t.Errorf("read %+v", got)
	}
	for n := 1; n < len(want); n++ {
		var cut record
		c := NewReader(want[1:n])
		if code(c, &cut); c.Complete() {
			t.Errorf("%d bytes are complete", n-1)
		}
	}
}

// A count that cannot be costs nothing, and a flag is 0 or 1.
func TestCoder_WhatCannotBeIsBad(t *testing.T) {
	var list []uint16
	c := NewReader([]byte{0xff, 0xff, 0xff, 0xff, 0, 0})
	List(c, &list, 2, func(c *Coder, v *uint16) { U16(c, v) })
	if !c.Bad() || len(list) != 0 {
		t.Errorf("a list of %d", len(list))
	}
	var ok bool
	c = NewReader([]byte{2})
	c.Flag(&ok)
	if !c.Bad() {
		t.Error("a flag of 2")
	}
}
