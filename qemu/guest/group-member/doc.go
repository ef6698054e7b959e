// Package groupmember is the founder of a group, which hears its own messages in the
// order in which it sent them.
package groupmember
