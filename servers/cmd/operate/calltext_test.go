package operate

import (
	"testing"

	"motile/kernel/abi"
	"motile/migrate/image"
)

func TestCallText(t *testing.T) {
	fds := []FDDump{{3, "read end of a pipe with 9 bytes in it"}}
	for _, c := range []struct {
		call image.Call
		want string
	}{
		{image.Call{Nr: abi.SysNanosleep, Args: [6]uint64{0x500000, 0, 77}, Remaining: 15e8}, "nanosleep(0x500000, 0), sleeps, 1.5s left"},
		{image.Call{Nr: abi.SysRead, Args: [6]uint64{3, 0x500000, 4096, 9}, Done: 5}, "read(3, 0x500000, 4096), reads from fd 3 (read end of a pipe with 9 bytes in it), 5 done"},
		{image.Call{Nr: abi.SysWrite, Args: [6]uint64{7, 0x500000, 2}, Slot: 2}, "write(7, 0x500000, 2), writes to fd 7, waits for a transaction"},
		{image.Call{Nr: abi.SysFutex, Args: [6]uint64{0x600000, 128, 1<<32 - 1}}, "futex(0x600000, 128, 0xffffffff, 0, 0, 0), waits for the futex at 0x600000, which was 4294967295"},
		{image.Call{Nr: abi.SysFutex, Args: [6]uint64{0x600000, 6}}, "futex(0x600000, 6, 0, 0, 0, 0), is at the futex at 0x600000"},
		{image.Call{Nr: abi.SysWait4, Args: [6]uint64{1<<64 - 1}}, "wait4(0xffffffffffffffff, 0, 0, 0), waits for a child"},
		{image.Call{Nr: abi.SysWait4, Args: [6]uint64{1000009}}, "wait4(0xf4249, 0, 0, 0), waits for child 1000009"},
		{image.Call{Nr: abi.SysWaitid, Args: [6]uint64{2, 1000009}}, "waitid(2, 0xf4249, 0, 0), waits for a child in process group 1000009"},
		{image.Call{Nr: abi.SysPoll, Args: [6]uint64{0x500000, 3, 100}}, "poll(0x500000, 3, 100), waits for one of 3 descriptors"},
		{image.Call{Nr: abi.SysPpoll, Args: [6]uint64{}}, "ppoll(0, 0, 0, 0), sleeps"},
		{image.Call{Nr: abi.SysPause}, "pause, waits for a signal"},
		{image.Call{Nr: abi.SysTrans, Args: [6]uint64{1, 2}, Slot: 5}, "trans(1, 2), waits for the reply to a request"},
		{image.Call{Nr: abi.SysTrans, Slot: 5, Reply: &image.Reply{Data: []byte("answer")}}, "trans, its answer has come, with 6 bytes"},
		{image.Call{Nr: abi.SysGetreq, Slot: 1 << 31}, "getreq, waits for a request"},
		{image.Call{Nr: 9999, Args: [6]uint64{1}}, "call 9999(1)"},
	} {
		if got := callText(&c.call, fds); got != c.want {
			t.Errorf("%+v: %q, want %q", c.call, got, c.want)
		}
	}
}
