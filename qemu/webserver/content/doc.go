// Package content makes bytes that no two places have alike, as many as wanted and in no
// memory: what a download of them has lost, doubled or mixed up does not go unseen.
package content
