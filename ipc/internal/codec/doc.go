// Package codec encodes the state of a protocol's endpoints: fixed fields in an
// order, big-endian, with no names and no tags. A Coder writes the fields it is
// shown, or reads them, so one description of a record serves both directions, and
// one state has one encoding.
package codec
