// Package trace keeps the last things that happened on a node: a fixed ring of
// small records, cheap enough to be always on. A panic prints it; tests and
// tools read it.
package trace
