// Package wait is how something that may block is told that it need not any
// longer: objects have queues, threads and epoll sets wait on them.
//
// A wake-up says "look again", never "here it is": whoever is woken repeats its
// operation. That is what lets a blocked call move to another node with nothing
// but its arguments and its progress; queues are not encoded, they are joined anew.
package wait
