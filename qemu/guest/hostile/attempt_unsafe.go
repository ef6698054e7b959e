package main

import (
	"syscall"
	"unsafe"
)

// pointer makes a pointer of an address, to misuse it.
func pointer(a uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

func funcAddr(f func()) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }

// sigreturn builds a signal frame: the registers it would restore.
func sigreturn(ip, flags, cs uint64, mxcsr uint32) {
	frame := make([]uint64, 200)
	fx := make([]byte, 1024)
	fxAt := (uintptr(unsafe.Pointer(&fx[0])) + 63) &^ 63
	*(*uint32)(pointer(fxAt + 24)) = mxcsr
	ctx := frame[6:]                                       // after the return address, flags, link and stack_t
	ctx[15] = uint64(uintptr(unsafe.Pointer(&frame[150]))) // rsp
	ctx[16], ctx[17], ctx[18] = ip, flags, cs
	ctx[23] = uint64(fxAt)
	doSigreturn(uintptr(unsafe.Pointer(&frame[0])))
}

func fxrstorGarbage() {
	area := make([]byte, 1024)
	at := (uintptr(unsafe.Pointer(&area[0])) + 63) &^ 63
	*(*uint32)(pointer(at + 24)) = 0xffffffff
	doFxrstor(at)
}

func writeText() { *(*byte)(pointer(funcAddr(doCli))) = 0 }

func runData() {
	code := []byte{0xc3}
	f := unsafe.Pointer(&code)
	(*(*func())(unsafe.Pointer(&f)))()
}

// resetSignal restores the default action behind the runtime's back.
func resetSignal(sig syscall.Signal) {
	var act [4]uint64
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
}
