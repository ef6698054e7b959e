package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func doCli()
func doSti()
func doHlt()
func doIn()
func doOut()
func doLgdt()
func doLidt()
func doLtr()
func doLldt()
func doMovToCR0()
func doMovFromCR3()
func doMovToCR3()
func doMovToCR4()
func doMovToDR7()
func doWrmsr()
func doRdmsr()
func doInvlpg()
func doInvd()
func doClts()
func doSwapgs()
func doSysret()
func doStac()
func doVmcall()
func doRdpmc()
func doXsetbv()
func doWrfsbase()
func doInt80()
func doIntTimer()
func doIntPage()
func doIntDouble()
func doInt3()
func doUd2()
func doLock()
func doLong()
func doDivide()
func doReadKernel()
func doWriteKernel()
func doJumpKernel()
func doReadNonCanonical()
func doJumpNonCanonical()
func doStackKernel()
func doStackNonCanonical()
func doSyscallKernelStack()
func doSyscallBadStack()
func doSyscallFlags()
func doTrapFlag()
func doTrapFlagSyscall()
func doSigreturn(frame uintptr)
func doFxrstor(area uintptr)
func doLdmxcsr()
func doSimdTrap()
func doX87Trap()
func doFar()
func doIret()
func doLoadSS()
func doCall32()
func doPushForever()

const (
	segv = syscall.SIGSEGV
	ill  = syscall.SIGILL
	trap = syscall.SIGTRAP
	fpe  = syscall.SIGFPE
	bus  = syscall.SIGBUS

	any   = syscall.Signal(-1) // some signal
	fpu   = syscall.Signal(-8) // SIGFPE or SIGSEGV; nothing where the CPU is QEMU's TCG, which lacks these checks
	exit7 = syscall.Signal(-7) // exit status 7: the attempt had no effect
)

type attempt struct {
	name string
	do   func()
	want syscall.Signal
}

var attempts = []attempt{
	{"cli", doCli, segv}, {"sti", doSti, segv}, {"hlt", doHlt, segv},
	{"in", doIn, segv}, {"out", doOut, segv},
	{"lgdt", doLgdt, segv}, {"lidt", doLidt, segv}, {"ltr", doLtr, segv}, {"lldt", doLldt, segv},
	{"mov to cr0", doMovToCR0, segv}, {"mov from cr3", doMovFromCR3, segv}, {"mov to cr3", doMovToCR3, segv},
	{"mov to cr4", doMovToCR4, segv}, {"mov to dr7", doMovToDR7, segv},
	{"wrmsr", doWrmsr, segv}, {"rdmsr", doRdmsr, segv}, {"invlpg", doInvlpg, segv}, {"invd", doInvd, segv},
	{"clts", doClts, segv}, {"swapgs", doSwapgs, segv}, {"sysret", doSysret, segv},
	{"stac", doStac, any}, {"vmcall", doVmcall, any}, {"rdpmc", doRdpmc, any}, {"xsetbv", doXsetbv, any},
	{"wrfsbase", doWrfsbase, any},
	{"int 0x80", doInt80, segv}, {"int 32", doIntTimer, segv}, {"int 14", doIntPage, segv}, {"int 8", doIntDouble, segv},
	{"int3", doInt3, trap}, {"ud2", doUd2, ill}, {"lock nop", doLock, ill}, {"too long", doLong, any},
	{"divide by zero", doDivide, fpe},
	{"read kernel", doReadKernel, segv}, {"write kernel", doWriteKernel, segv}, {"jump to kernel", doJumpKernel, segv},
	{"read non-canonical", doReadNonCanonical, any}, {"jump non-canonical", doJumpNonCanonical, any},
	{"kernel stack", doStackKernel, segv}, {"non-canonical stack", doStackNonCanonical, any},
	{"syscall on kernel stack", doSyscallKernelStack, exit7},
	{"syscall on bad stack", doSyscallBadStack, exit7},
	{"syscall with odd flags", doSyscallFlags, exit7},
	{"trap flag", doTrapFlag, trap}, {"trap flag at syscall", doTrapFlagSyscall, any},
	{"bad mxcsr", doLdmxcsr, fpu}, {"simd exception", doSimdTrap, fpu}, {"x87 exception", doX87Trap, fpe},
	{"far jump to kernel segment", doFar, segv}, {"iret to ring 0", doIret, segv}, {"load kernel ss", doLoadSS, segv},
	{"32-bit code", doCall32, any},
	{"fxrstor of garbage", fxrstorGarbage, fpu},
	{"sigreturn to kernel", func() { sigreturn(0xffffffff80200000, 0x3202, 0x10, 0) }, segv},
	{"sigreturn non-canonical", func() { sigreturn(0x0000800000000000, 0x202, 0x33, 0) }, segv},
	{"sigreturn with iopl", func() { sigreturn(uint64(funcAddr(doOut)), 0x3202, 0x33, 0) }, segv},
	{"sigreturn with bad mxcsr", func() { sigreturn(uint64(funcAddr(doUd2)), 0x202, 0x33, 0xffffffff) }, any},
	{"sigreturn from nowhere", func() { doSigreturn(0x10) }, segv},
	{"sigreturn from kernel", func() { doSigreturn(0xffffffff80200000) }, segv},
	{"kernel pointer to write", kernelPointer, exit7},
	{"kernel pointer to flip", flipPointer, exit7},
	{"fs base in the kernel", kernelFS, exit7},
	{"map the last page", lastPage, exit7},
	{"null", func() { *(*int)(nil) = 1 }, segv},
	{"write to text", writeText, segv},
	{"run data", runData, segv},
	{"stack without end", doPushForever, segv},
}

// kernelPointer: system calls refuse addresses that are not the program's.
func kernelPointer() {
	for _, a := range []uintptr{0xffffffff80200000, 0xffff800000100000, 0x0000800000000000, 0x7ffffffff000, 0, ^uintptr(0)} {
		if _, _, e := syscall.Syscall(syscall.SYS_WRITE, 1, a, 8); e != syscall.EFAULT {
			fmt.Printf("write from %#x: %v\n", a, e)
			os.Exit(1)
		}
		if _, _, e := syscall.Syscall(syscall.SYS_GETCWD, a, 4096, 0); e != syscall.EFAULT {
			fmt.Printf("getcwd to %#x: %v\n", a, e)
			os.Exit(1)
		}
	}
	os.Exit(7)
}

func kernelFS() {
	const archSetFS, archSetGS = 0x1002, 0x1001
	for _, a := range []uintptr{0xffffffff80200000, 0x0000800000000000} {
		for _, what := range []uintptr{archSetFS, archSetGS} {
			if _, _, e := syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, what, a, 0); e == 0 {
				os.Exit(1)
			}
		}
	}
	os.Exit(7)
}

func lastPage() {
	const fixed = 0x10
	for _, a := range []uintptr{0x7ffffffff000, 0x800000000000, 0xffff800000000000} {
		_, _, e := syscall.Syscall6(syscall.SYS_MMAP, a, 4096, 7, fixed|syscall.MAP_PRIVATE|syscall.MAP_ANON, ^uintptr(0), 0)
		if e == 0 {
			os.Exit(1)
		}
	}
	os.Exit(7)
}

func main() {
	if len(os.Args) > 1 {
		child(os.Args[1])
	}
	held := 0
	for _, a := range attempts {
		got := try(a)
		verdict := "held"
		if !fits(got, a.want) {
			verdict = "NOT HELD"
		} else {
			held++
		}
		fmt.Printf("%-28s %-10s %s\n", a.name, describe(got), verdict)
	}
	if held != len(attempts) {
		fmt.Printf("%d of %d held\n", held, len(attempts))
		os.Exit(1)
	}
	fmt.Printf("all %d held\n", held)
}

func child(name string) {
	// Faults must kill this process, not become Go panics.
	signal.Reset()
	for sig := range syscall.Signal(32) {
		resetSignal(sig)
	}
	for _, a := range attempts {
		if a.name == name {
			a.do()
			os.Exit(0)
		}
	}
	fmt.Fprintf(os.Stderr, "hostile: no attempt %q\n", name)
	os.Exit(2)
}

func try(a attempt) syscall.WaitStatus {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", a.name)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err := cmd.Run()
	if e, ok := err.(*exec.ExitError); ok {
		return e.Sys().(syscall.WaitStatus)
	}
	if err != nil {
		fmt.Println(err)
		return syscall.WaitStatus(0xff00)
	}
	return 0
}

func fits(got syscall.WaitStatus, want syscall.Signal) bool {
	switch want {
	case any:
		return got.Signaled()
	case fpu:
		return got == 0 || got.Signaled() && (got.Signal() == fpe || got.Signal() == segv)
	case exit7:
		return got.Exited() && got.ExitStatus() == 7
	}
	return got.Signaled() && got.Signal() == want
}

func describe(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "signal " + fmt.Sprint(int(s.Signal()))
	}
	return "exit " + fmt.Sprint(s.ExitStatus())
}
