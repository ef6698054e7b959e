// Package hw is the fence around the machine: instructions, page frames, page
// tables and the few devices every PC has. Together with boot/rt it holds all
// of the kernel's assembly and unsafe code.
//
// Built with the tag "metal" it drives the real CPU. Without it, a host
// implementation in the _host.go files offers the same page frames over ordinary
// memory, so that everything above can be tested by go test.
//
// Functions marked nosplit also run in trap context, where there is no Go stack
// to grow and nothing may allocate: they touch integers and the direct map only.
package hw
