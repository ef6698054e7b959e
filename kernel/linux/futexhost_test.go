package linux_test

import (
	"testing"

	"motile/kernel/abi"
)

// What futex says when nobody waits: to wrong operations, addresses, values and bitsets,
// and to waits that are over at once. Priority inheritance is left out: Motile refuses
// it (ENOSYS), Linux has it.
func TestHost_Futex(t *testing.T) {
	forTwins(t, func(w *twin) {
		word := w.put(make([]byte, 64))
		never := w.put(make([]byte, 16)) // a time that is over
		bad := w.put(make([]byte, 16))
		w.p.Put(bad, le(0, 1e9))
		w.h.Put(bad, le(0, 1e9))
		addr := func(what string) uint64 {
			return w.pick(what, word, word, word+4, word+8, word+1, 0x123000, 0)
		}
		flags := func() uint64 { return w.pick("flags", 0, 128, 128, 256, 384) }
		val := func(what string) uint64 { return w.pick(what, 0, 1, 5, 1<<31-1, 1<<31, 1<<32-1) }
		w.run(actions{
			"wait": func() {
				w.loose = true // what is looked at first
				w.call(abi.SysFutex, addr("word"), w.pick("op", 0, 9)|flags(), val("value"), w.pick("time", never, never, bad), 0,
					w.pick("bits", 0, 1, 1<<32-1))
				w.loose = false
			},
			"wake": func() {
				w.call(abi.SysFutex, addr("word"), w.pick("op", 1, 10)|flags(), val("count"), 0, 0, w.pick("bits", 0, 1, 1<<32-1))
			},
			"requeue": func() {
				w.call(abi.SysFutex, addr("from"), w.pick("op", 3, 4)|flags(), val("wake"), val("move"), addr("to"), val("value"))
			},
			"wake op": func() {
				code := w.pick("op", 0, 1, 2, 3, 4, 5, 8, 9, 10, 15)<<28 | w.pick("cmp", 0, 1, 2, 3, 4, 5, 6, 15)<<24 |
					w.pick("oparg", 0, 1, 3, 31, 0x800, 0xfff)<<12 | w.pick("cmparg", 0, 1, 0xfff)
				w.call(abi.SysFutex, addr("first"), 5|flags(), val("wake"), val("wake2"), addr("second"), code)
				w.same("words", word, 16)
			},
			"unknown": func() {
				w.call(abi.SysFutex, word, w.pick("op", 2, 14, 20, 127)|flags(), 0, 0, 0, 0)
			},
			"robust list": func() {
				w.call(abi.SysSetRobustList, word, w.pick("size", 0, 23, 24, 25))
			},
		})
	})
}
