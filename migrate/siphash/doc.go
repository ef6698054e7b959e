// Package siphash is SipHash-2-4 with a 128-bit result (Aumasson and Bernstein,
// "SipHash: a fast short-input PRF", 2012): the tag on each message of a page
// stream. It is the fastest keyed hash where the CPU is emulated.
package siphash
