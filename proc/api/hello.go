package api

import "bytes"

// Nodes say hello to each other, in a raw message to everybody:
//
//	offset  size
//	     0     6  "hello1"
//	     6    16  Tag of the rest, under the cluster's key
//	    22        Load, in CBOR
var helloMagic = []byte("hello1")

const helloHead = 6 + 16

// Hello makes a hello of an encoded Load.
func (k *Key) Hello(load []byte) []byte {
	tag := k.Tag(load)
	return append(append(append([]byte(nil), helloMagic...), tag[:]...), load...)
}

// IsHello reports whether a raw message is a hello, by its looks.
func IsHello(b []byte) bool { return len(b) >= helloHead && bytes.HasPrefix(b, helloMagic) }

// HelloLoad returns the encoded Load of a hello, without a look at the tag: for who
// watches and has no key.
func HelloLoad(b []byte) []byte { return b[helloHead:] }

// Hears returns the encoded Load of a hello. ok is false if it was not made with k.
func (k *Key) Hears(b []byte) (load []byte, ok bool) {
	if !IsHello(b) {
		return nil, false
	}
	load = HelloLoad(b)
	return load, k.Tag(load) == [16]byte(b[len(helloMagic):helloHead])
}
