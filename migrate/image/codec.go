package image

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Limits of what a decoder accepts: an image comes from the wire.
const (
	maxArray = 1 << 16
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

// Marshal encodes a record's payload deterministically.
func Marshal(v any) ([]byte, error) { return encoder.Marshal(v) }

// Unmarshal decodes one.
func Unmarshal(b []byte, v any) error {
	if err := decoder.Unmarshal(b, v); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}
