package event

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

var over = make(chan struct{})

// Ready says that all is set up.
func Ready() {
	fmt.Println("ready")
	go func() {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			fmt.Println("FAIL: input:", err)
			os.Exit(1)
		}
		close(over)
	}()
}

// Over is closed when the events are over.
func Over() <-chan struct{} { return over }

// Working reports whether the events are still going on. It takes one round's time.
func Working() bool {
	select {
	case <-over:
		return false
	case <-time.After(20 * time.Millisecond):
		return true
	}
}

// Late is how much later than it should something may happen; early is never right.
const Late = 20 * time.Second
