// Package golden reads the bytes that tests of the wire formats compare with: annotated
// hex in a test's folder testdata.
package golden
