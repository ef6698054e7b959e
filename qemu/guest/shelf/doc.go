// Command shelf is a server of texts, each an object with a capability of its own. It
// has no commands but the standard ones.
//
//	shelf TEXT...   put the texts on the shelf, print their owners' capabilities, a line
//	                each, and serve for ever
//
// A text that nobody touches is gone when the shelf has aged three times.
package main
