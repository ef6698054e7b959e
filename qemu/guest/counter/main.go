package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func garbage() {
	for {
		s := make([][]byte, 0, 64)
		for i := range 64 {
			s = append(s, make([]byte, 512+i*16))
		}
		runtime.KeepAlive(s)
		runtime.Gosched()
	}
}

func compute() {
	x := uint64(1)
	for {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
}

func number(i, def int) int {
	if len(os.Args) > i {
		if v, err := strconv.Atoi(os.Args[i]); err == nil {
			return v
		}
	}
	return def
}

func main() {
	lines, pause := number(1, 0), time.Duration(number(2, 100))*time.Millisecond
	go garbage()
	go compute()
	start := time.Now()
	for i := 1; lines == 0 || i <= lines; i++ {
		time.Sleep(pause)
		now := time.Now()
		fmt.Printf("%d mono %d wall %d\n", i, now.Sub(start).Milliseconds(), now.UnixMilli())
	}
}
