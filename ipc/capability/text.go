package capability

import (
	"errors"
	"strings"
)

// The text form is for files, command lines and screens: four fields in the
// order of the struct, joined by colons.
//
//	port      26 characters of base32 (a-z, 2-7, no padding)
//	object    hexadecimal without leading zeros
//	rights    hexadecimal without leading zeros
//	check     26 characters of base32
//
// It has no checksum of its own, because a mistyped capability fails the
// service's check anyway.

// ErrText says that a text is not a capability or port.
var ErrText = errors.New("capability: not a capability: want PORT:OBJECT:RIGHTS:CHECK")

const textLen = (Size*8 + 4) / 5 // base32 characters for 128 bits

const base32Digits = "abcdefghijklmnopqrstuvwxyz234567"

// String returns the text form of c. It contains the check, so whoever reads
// it holds the capability.
func (c Capability) String() string {
	b := make([]byte, 0, 2*textLen+16+8+3)
	b = appendBase32(b, c.Port)
	b = append(b, ':')
	b = appendHex(b, c.Object)
	b = append(b, ':')
	b = appendHex(b, uint64(c.Rights))
	b = append(b, ':')
	return string(appendBase32(b, c.Check))
}

// Parse reads the text form; upper case and surrounding space are accepted.
func Parse(s string) (Capability, error) {
	f := strings.Split(strings.ToLower(strings.TrimSpace(s)), ":")
	if len(f) != 4 {
		return Capability{}, ErrText
	}
	port, ok1 := parseBase32(f[0])
	object, ok2 := parseHex(f[1], 16)
	rights, ok3 := parseHex(f[2], 8)
	check, ok4 := parseBase32(f[3])
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return Capability{}, ErrText
	}
	return Capability{Port: port, Object: object, Rights: Rights(rights), Check: check}, nil
}

// String returns p in base32.
func (p Port) String() string { return string(appendBase32(nil, p)) }

// ParsePort reads what Port.String writes.
func ParsePort(s string) (Port, error) {
	v, ok := parseBase32(strings.ToLower(strings.TrimSpace(s)))
	if !ok {
		return Port{}, ErrText
	}
	return v, nil
}

func appendBase32(b []byte, v [Size]byte) []byte {
	var acc uint
	bits := 0
	for _, x := range v {
		acc = acc<<8 | uint(x)
		for bits += 8; bits >= 5; bits -= 5 {
			b = append(b, base32Digits[acc>>(bits-5)&31])
		}
	}
	return append(b, base32Digits[acc<<(5-bits)&31])
}

// parseBase32 refuses a last character with bits beyond the 128, so that each
// value has one spelling.
func parseBase32(s string) (v [Size]byte, ok bool) {
	if len(s) != textLen {
		return v, false
	}
	var acc uint
	bits, n := 0, 0
	for i := 0; i < len(s); i++ {
		d := strings.IndexByte(base32Digits, s[i])
		if d < 0 {
			return v, false
		}
		acc = acc<<5 | uint(d)
		if bits += 5; bits >= 8 {
			bits -= 8
			v[n] = byte(acc >> bits)
			n++
		}
	}
	return v, acc&(1<<bits-1) == 0
}

const hexDigits = "0123456789abcdef"

func appendHex(b []byte, v uint64) []byte {
	shift := 60
	for shift > 0 && v>>shift == 0 {
		shift -= 4
	}
	for ; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[v>>shift&15])
	}
	return b
}

func parseHex(s string, max int) (v uint64, ok bool) {
	if s == "" || len(s) > max || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		d := strings.IndexByte(hexDigits, s[i])
		if d < 0 {
			return 0, false
		}
		v = v<<4 | uint64(d)
	}
	return v, true
}
