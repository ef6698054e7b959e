package std

import (
	"bytes"
	"errors"
)

// A Param is something about a server that can be looked at, and perhaps changed,
// while it runs: what STD_GETPARAMS lists.
type Param struct {
	Name        string `json:"name"`
	Type        string `json:"type"` // for people: "boolean", "integer: 100 to 10000"
	Description string `json:"description"`
	Value       string `json:"value"`
}

// A Setting is a new value for a Param: what STD_SETPARAMS takes.
type Setting struct{ Name, Value string }

// Both travel as strings that end with a zero byte: four for each Param, in the order
// of the struct, two for each Setting. The header's Size says how many there are.

// ErrParams says that bytes are no list of parameters.
var ErrParams = errors.New("std: not a list of parameters")

// maxParams bounds a list.
const maxParams = 256

// AppendParams adds the encoding of a list.
func AppendParams(b []byte, list []Param) []byte {
	for _, p := range list {
		b = appendStrings(b, p.Name, p.Type, p.Description, p.Value)
	}
	return b
}

// DecodeParams reads n parameters that fill b.
func DecodeParams(b []byte, n uint32) (list []Param, err error) {
	if n > maxParams {
		return nil, ErrParams
	}
	for range n {
		var p Param
		if b, err = cutStrings(b, &p.Name, &p.Type, &p.Description, &p.Value); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if len(b) > 0 {
		return nil, ErrParams
	}
	return list, nil
}

// AppendSettings adds the encoding of a list.
func AppendSettings(b []byte, list []Setting) []byte {
	for _, s := range list {
		b = appendStrings(b, s.Name, s.Value)
	}
	return b
}

// DecodeSettings reads n settings that fill b.
func DecodeSettings(b []byte, n uint32) (list []Setting, err error) {
	if n > maxParams {
		return nil, ErrParams
	}
	for range n {
		var s Setting
		if b, err = cutStrings(b, &s.Name, &s.Value); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	if len(b) > 0 {
		return nil, ErrParams
	}
	return list, nil
}

// appendStrings adds strings. A zero byte inside one would end it: it is left out.
func appendStrings(b []byte, list ...string) []byte {
	for _, s := range list {
		for i := range len(s) {
			if s[i] != 0 {
				b = append(b, s[i])
			}
		}
		b = append(b, 0)
	}
	return b
}

func cutStrings(b []byte, list ...*string) (rest []byte, err error) {
	for _, s := range list {
		word, rest, ok := bytes.Cut(b, []byte{0})
		if !ok {
			return nil, ErrParams
		}
		*s, b = string(word), rest
	}
	return b, nil
}
