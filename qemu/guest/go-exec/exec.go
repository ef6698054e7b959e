// calls: clone execve pipe2 waitid pidfd_open wait4

package goexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"motile/qemu/guest/event"
)

// Name of the feature.
const Name = "go-exec"

// Run does it; with a word it is the program that is started.
func Run(words []string) error {
	if len(words) > 0 {
		in, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		fmt.Print(strings.ToUpper(string(in)))
		if words[0] == "stay" {
			time.Sleep(time.Hour)
		}
		os.Exit(len(in) % 100)
	}
	event.Ready()
	for round := 0; event.Working(); round++ {
		text := strings.Repeat("x", round%100)
		cmd := exec.Command("/proc/self/exe", Name, "answer")
		cmd.Stdin = strings.NewReader(text)
		var out bytes.Buffer
		cmd.Stdout = &out
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return err
		}
		if code := cmd.ProcessState.ExitCode(); code != round%100 || out.String() != strings.ToUpper(text) {
			return fmt.Errorf("round %d: status %d, output %q", round, code, out.String())
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := exec.CommandContext(ctx, "/proc/self/exe", Name, "stay").Run(); err == nil || ctx.Err() == nil {
		return fmt.Errorf("a program that should have been killed ended: %v", err)
	}
	return nil
}
