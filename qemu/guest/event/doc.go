// Package event is what the features' programs that are in Go have in common, as
// feature.h is for those in C: they say when they are ready, and go on doing their thing
// until they hear that the events are over.
package event
