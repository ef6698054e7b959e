// Package result is what tools/peers has measured: a record in JSON, and the same as
// Markdown, for documents that are made from it.
//
//	result.go    the record: rows of ours and a peer's, and what is missing
//	sample.go    many values as one: median, p10, p90
//	markdown.go  the record as a section of a document
package result
