package capability

import "crypto/sha3"

// Size is the length in bytes of ports, checks and every other one-way value.
const Size = 16

// OneWay maps the inputs to 128 bits from which they cannot be found again.
// The domain says what the value is for; equal inputs under different domains
// give unrelated values. Each part is hashed behind its length (one byte for
// the domain, eight for an input), so no two lists of parts run together to the
// same bytes.
//
// Preconditions: the domain is a constant of at most 255 bytes.
func OneWay(domain string, in ...[]byte) [Size]byte {
	// All of Motile's inputs fit the stack buffer; longer ones spill to the heap.
	var stack [192]byte
	b := append(stack[:0], byte(len(domain)))
	b = append(b, domain...)
	for _, part := range in {
		b = appendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha3.Sum256(b)
	return [Size]byte(sum[:Size])
}

// equal reports a == b in time independent of where they differ, so that a
// guesser learns nothing from how long a refusal takes.
func equal(a, b *[Size]byte) bool {
	var diff byte
	for i := range a {
		diff |= a[i] ^ b[i]
	}
	return diff == 0
}
