package linuxtest

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"motile/proc"
)

// Host is a process of the machine the test runs on: its Linux answers the same
// calls, on the same descriptor numbers and the same addresses, so that the two
// can be compared. It is a copy of the test program, which must call HostMain
// first thing in TestMain.
type Host struct {
	t   testing.TB
	cmd *exec.Cmd
	in  *os.File
	out *os.File
}

const (
	hostVariable = "MOTILE_HOST_PROCESS"

	// The descriptors the two sides talk through, above all that tests use.
	hostIn, hostOut, hostMemory = 900, 901, 902

	hostCall, hostPut, hostGet = 'c', 'p', 'g'

	hostPatience = 20 * time.Second // a call that blocks has hung
)

// NewHost starts the process in a directory of its own. It skips the test where
// that does not work: on another system, or without /proc.
func NewHost(t testing.TB) *Host {
	t.Helper()
	h := &Host{t: t}
	var theirIn, theirOut *os.File
	var err error
	if theirIn, h.in, err = os.Pipe(); err == nil {
		h.out, theirOut, err = os.Pipe()
	}
	if err != nil {
		t.Skip("no pipes: ", err)
	}
	h.cmd = exec.Command(os.Args[0])
	h.cmd.Dir = t.TempDir()
	h.cmd.Env = append(os.Environ(), hostVariable+"=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	h.cmd.Stdin, h.cmd.Stdout, h.cmd.Stderr = theirIn, theirOut, os.Stderr
	if err := h.cmd.Start(); err != nil {
		t.Skip("no second process: ", err)
	}
	theirIn.Close()
	theirOut.Close()
	t.Cleanup(func() {
		h.in.Close()
		h.out.Close()
		h.cmd.Process.Kill()
		h.cmd.Wait()
	})
	var hello [1]byte
	h.out.SetReadDeadline(time.Now().Add(hostPatience))
	if _, err := io.ReadFull(h.out, hello[:]); err != nil || hello[0] != 'y' {
		t.Skip("the host process cannot set itself up")
	}
	return h
}

// Call makes a system call of the host. It must not block.
func (h *Host) Call(nr int, args ...uint64) Result {
	h.t.Helper()
	var w [7]uint64
	w[0] = uint64(nr)
	copy(w[1:], args)
	msg := []byte{hostCall}
	for _, x := range w {
		msg = le.AppendUint64(msg, x)
	}
	return Result(le.Uint64(h.ask(msg, 8)))
}

// Put and Get access the process's memory, whatever its protection is.
func (h *Host) Put(addr uint64, p []byte) {
	h.t.Helper()
	msg := le.AppendUint64(le.AppendUint64([]byte{hostPut}, addr), uint64(len(p)))
	h.ask(append(msg, p...), 0)
}

func (h *Host) Get(addr uint64, n int) []byte {
	h.t.Helper()
	return h.ask(le.AppendUint64(le.AppendUint64([]byte{hostGet}, addr), uint64(n)), n)
}

func (h *Host) ask(msg []byte, n int) []byte {
	h.t.Helper()
	h.out.SetReadDeadline(time.Now().Add(hostPatience))
	reply := make([]byte, n)
	if _, err := h.in.Write(msg); err != nil {
		h.t.Fatal("host process: ", err)
	}
	if _, err := io.ReadFull(h.out, reply); err != nil {
		h.t.Fatal("host process: ", err)
	}
	return reply
}

// A host process makes all calls in its first thread: signal masks are a thread's, and some
// calls tell that one, which has the process's id, from others (pidfd_send_signal(2)). Only
// here is it certain that we are in it.
func init() {
	if os.Getenv(hostVariable) != "" {
		runtime.LockOSThread()
	}
}

// HostMain turns this process into a host process if it was started as one, and
// returns at once if not.
func HostMain() {
	if os.Getenv(hostVariable) == "" {
		return
	}
	ok := setUpHost()
	answer := []byte{'n'}
	if ok {
		answer[0] = 'y'
	}
	syscall.Write(hostOut, answer)
	for ok {
		ok = serveHost()
	}
	syscall.Exit(0)
}

// setUpHost moves the channels out of the way, closes everything else, and maps
// the arena.
func setUpHost() bool {
	const noReplace, closeRange = 0x100000, 436
	for from, to := range map[int]int{0: hostIn, 1: hostOut} {
		if syscall.Dup3(from, to, 0) != nil {
			return false
		}
	}
	mem, err := syscall.Open("/proc/self/mem", syscall.O_RDWR, 0)
	if err != nil || syscall.Dup3(mem, hostMemory, 0) != nil {
		return false
	}
	syscall.RawSyscall(closeRange, 0, hostIn-1, 0)
	syscall.Umask(0o022)
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1024, Max: proc.MaxFDs})
	at, _, _ := syscall.RawSyscall6(syscall.SYS_MMAP, Arena, ArenaEnd-Arena, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS|noReplace, ^uintptr(0), 0)
	return at == Arena
}

// serveHost answers one message.
func serveHost() bool {
	var head [57]byte
	if !hostRead(head[:1]) {
		return false
	}
	switch head[0] {
	case hostCall:
		if !hostRead(head[1:]) {
			return false
		}
		w := func(i int) uintptr { return uintptr(le.Uint64(head[1+8*i:])) }
		r, _, errno := syscall.RawSyscall6(w(0), w(1), w(2), w(3), w(4), w(5), w(6))
		if errno != 0 {
			r = -uintptr(errno)
		}
		return hostWrite(binary.LittleEndian.AppendUint64(nil, uint64(r)))
	default:
		if !hostRead(head[1:17]) {
			return false
		}
		addr, p := int64(le.Uint64(head[1:])), make([]byte, le.Uint64(head[9:]))
		if head[0] == hostPut {
			_, err := syscall.Pwrite(hostMemory, p[:hostFill(p)], addr)
			return err == nil
		}
		_, err := syscall.Pread(hostMemory, p, addr)
		return err == nil && hostWrite(p)
	}
}

func hostFill(p []byte) int {
	if !hostRead(p) {
		return 0
	}
	return len(p)
}

func hostRead(p []byte) bool {
	for len(p) > 0 {
		n, err := syscall.Read(hostIn, p)
		if n <= 0 || err != nil {
			return false
		}
		p = p[n:]
	}
	return true
}

func hostWrite(p []byte) bool {
	n, err := syscall.Write(hostOut, p)
	return err == nil && n == len(p)
}

// Dir is the directory the process was started in.
func (h *Host) Dir() string { return h.cmd.Dir }
