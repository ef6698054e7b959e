package image

import (
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Limits of what a decoder accepts: an image comes from the wire.
const (
	maxArray = 20 << 10
	maxDepth = 16
)

var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	decoder = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, MaxArrayElements: maxArray, MaxMapPairs: maxArray,
		MaxNestedLevels: maxDepth, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constants
	}
	return v
}

// Threads and Suspendeds are lists whose elements take much more memory than the
// shortest CBOR that decodes as one. Decoding them costs no more than a small multiple
// of what came.
type (
	Threads    []Thread
	Suspendeds []Suspended
)

// What an element takes at least: a thread has its floating-point state.
const (
	threadMin    = fxSize
	suspendedMin = 24
)

var errSparse = errors.New("image: more elements than bytes for them")

// UnmarshalCBOR implements cbor.Unmarshaler.
func (t *Threads) UnmarshalCBOR(b []byte) error { return unmarshalList((*[]Thread)(t), b, threadMin) }

// UnmarshalCBOR implements cbor.Unmarshaler.
func (s *Suspendeds) UnmarshalCBOR(b []byte) error {
	return unmarshalList((*[]Suspended)(s), b, suspendedMin)
}

// unmarshalList decodes an array of elements of at least min bytes each.
func unmarshalList[T any](list *[]T, b []byte, min int) error {
	if listLen(b) > len(b)/min {
		return errSparse
	}
	return decoder.Unmarshal(b, list)
}

// listLen is the number of elements in a CBOR array of definite length (RFC 8949,
// 3.1), 0 for anything else.
func listLen(b []byte) int {
	const array, small = 4, 24
	if len(b) == 0 || b[0]>>5 != array {
		return 0
	}
	n := int(b[0] & 31)
	if n < small {
		return n
	}
	size := 1 << (n - small)
	if n > small+3 || len(b) < 1+size {
		return 0
	}
	n = 0
	for _, c := range b[1 : 1+size] {
		if n = n<<8 | int(c); n > maxArray {
			return maxArray + 1
		}
	}
	return n
}

// Marshal encodes a record's payload deterministically.
func Marshal(v any) ([]byte, error) { return encoder.Marshal(v) }

// Unmarshal decodes one.
func Unmarshal(b []byte, v any) error {
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}
