package operate

import (
	"fmt"
	"strings"
	"time"

	"motile/kernel/abi"
	"motile/migrate/image"
)

// A call in progress, in words: what the thread waits for, as far as the call's arguments
// and the process's descriptors tell.

// described is a call that waits for something.
type described struct {
	args int // how many it has; -1: those up to the last that is not zero
	text func(c *image.Call, fd func(uint64) string) string
}

// fixed is a text that needs no arguments.
func fixed(text string) func(*image.Call, func(uint64) string) string {
	return func(*image.Call, func(uint64) string) string { return text }
}

// onFD is a text about the first argument, a descriptor.
func onFD(text string) func(*image.Call, func(uint64) string) string {
	return func(c *image.Call, fd func(uint64) string) string { return fmt.Sprintf(text, fd(c.Args[0])) }
}

// polled is a text about several descriptors, how many of which an argument says.
func polled(arg int) func(*image.Call, func(uint64) string) string {
	return func(c *image.Call, _ func(uint64) string) string {
		if c.Args[arg] == 0 {
			return "sleeps"
		}
		return fmt.Sprintf("waits for one of %d descriptors", c.Args[arg])
	}
}

var (
	reading = described{3, onFD("reads from %s")}
	writing = described{3, onFD("writes to %s")}
	events  = described{4, onFD("waits for events of %s")}
)

// waits are the calls that may wait for long.
var waits = map[uint32]described{
	abi.SysRead: reading, abi.SysReadv: reading, abi.SysPread64: reading, abi.SysPreadv: reading,
	abi.SysWrite: writing, abi.SysWritev: writing, abi.SysPwrite64: writing, abi.SysPwritev: writing,
	abi.SysEpollWait: events, abi.SysEpollPwait: events, abi.SysEpollPwait2: events,
	abi.SysPoll: {3, polled(1)}, abi.SysPpoll: {4, polled(1)}, abi.SysSelect: {5, polled(0)}, abi.SysPselect6: {6, polled(0)},
	abi.SysNanosleep: {2, fixed("sleeps")}, abi.SysClockNanosleep: {4, fixed("sleeps")},
	abi.SysPause: {0, fixed("waits for a signal")}, abi.SysRtSigsuspend: {2, fixed("waits for a signal")},
	abi.SysRtSigtimedwait: {4, fixed("waits for a signal")},
	abi.SysFutex:          {6, futexText},
	abi.SysWait4:          {4, wait4Text},
	abi.SysWaitid:         {4, waitidText},
	abi.SysFlock:          {2, onFD("waits for a lock of %s")},
	abi.SysFcntl:          {3, onFD("waits for a lock of %s")},
	abi.SysOpen:           {3, fixed("opens a file")}, abi.SysOpenat: {4, fixed("opens a file")},
	abi.SysVfork: {0, fixed("waits until its child has called exec or ended")},
	abi.SysClone: {5, fixed("waits until its child has called exec or ended")}, abi.SysClone3: {2, fixed("waits until its child has called exec or ended")},
	abi.SysTrans: {-1, fixed("waits for the reply to a request")}, abi.SysTransWithin: {-1, fixed("waits for the reply to a request")},
	abi.SysGetreq: {-1, fixed("waits for a request")}, abi.SysPutrep: {-1, fixed("sends a reply")},
	abi.SysGrpSend: {-1, fixed("sends to a group")}, abi.SysGrpReceive: {-1, fixed("waits for a message of a group")},
	abi.SysGrpJoin: {-1, fixed("joins a group")}, abi.SysGrpLeave: {-1, fixed("leaves a group")},
	abi.SysFlipReceive: {-1, fixed("waits for a FLIP message")},
	abi.SysMuTrylock:   {-1, fixed("waits for a mutex")},
}

// futexText tells the operations that wait from those that wake.
func futexText(c *image.Call, _ func(uint64) string) string {
	const wait, waitBitset, operation = 0, 9, 0x7f
	switch c.Args[1] & operation {
	case wait, waitBitset:
		return fmt.Sprintf("waits for the futex at %#x, which was %d", c.Args[0], uint32(c.Args[2]))
	}
	return fmt.Sprintf("is at the futex at %#x", c.Args[0])
}

func wait4Text(c *image.Call, _ func(uint64) string) string {
	switch pid := int32(c.Args[0]); {
	case pid > 0:
		return fmt.Sprintf("waits for child %d", pid)
	case pid < -1:
		return fmt.Sprintf("waits for a child in process group %d", -pid)
	case pid == 0:
		return "waits for a child in its own process group"
	}
	return "waits for a child"
}

func waitidText(c *image.Call, fd func(uint64) string) string {
	const byPID, byGroup, byFD = 1, 2, 3
	switch c.Args[0] {
	case byPID:
		return fmt.Sprintf("waits for child %d", int32(c.Args[1]))
	case byGroup:
		return fmt.Sprintf("waits for a child in process group %d", int32(c.Args[1]))
	case byFD:
		return "waits for the child of " + fd(c.Args[1])
	}
	return "waits for a child"
}

// callText is a blocked call in words. fds says what descriptors are.
func callText(c *image.Call, fds []FDDump) string {
	d, known := waits[c.Nr]
	if !known {
		d.args = -1
	}
	words := []string{abi.CallName(c.Nr)}
	if args := argsText(c, d.args); args != "" {
		words[0] += "(" + args + ")"
	}
	switch {
	case c.Reply != nil:
		words = append(words, fmt.Sprintf("its answer has come, with %d bytes", len(c.Reply.Data)+int(c.Reply.Size)))
	case known:
		words = append(words, d.text(c, func(fd uint64) string {
			for _, f := range fds {
				if uint64(f.FD) == fd {
					return fmt.Sprintf("fd %d (%s)", fd, f.What)
				}
			}
			return fmt.Sprintf("fd %d", int32(fd))
		}))
	}
	if c.Remaining != 0 {
		words = append(words, fmt.Sprintf("%v left", time.Duration(c.Remaining).Round(time.Microsecond)))
	}
	if c.Slot != 0 && c.Reply == nil && c.Nr != abi.SysTrans && c.Nr != abi.SysTransWithin && c.Nr != abi.SysGetreq {
		words = append(words, "waits for a transaction") // with an object on another node
	}
	if c.Done != 0 {
		words = append(words, fmt.Sprintf("%d done", c.Done))
	}
	return strings.Join(words, ", ")
}

// argsText is the first n arguments; with n -1 those that say something: up to the last
// that is not zero.
func argsText(c *image.Call, n int) string {
	if n < 0 {
		for n = len(c.Args); n > 0 && c.Args[n-1] == 0; {
			n--
		}
	}
	words := make([]string, n)
	for i, a := range c.Args[:n] {
		if words[i] = fmt.Sprint(a); a > 9999 {
			words[i] = fmt.Sprintf("%#x", a)
		}
	}
	return strings.Join(words, ", ")
}
