package run

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Keep runs a server for ever, and says what happens to it. $NAME in its arguments is from
// the environment. A server may have been moved
// to another node meanwhile: it is our child all the same, and if that node is lost we hear
// that it was killed, and start it here.
func Keep(s Service, say func(format string, args ...any)) {
	wait := time.Duration(0)
	args := make([]string, len(s.Args))
	for i, a := range s.Args {
		args[i] = os.ExpandEnv(a)
	}
	for {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		began := time.Now()
		err := cmd.Start()
		if err == nil {
			say("%s: process %d", s.Name, cmd.Process.Pid)
			err = cmd.Wait()
		}
		how := "it ended"
		if err != nil {
			how = err.Error()
		}
		if wait = pause(time.Since(began), wait); wait == 0 {
			say("%s: %s: it is started again", s.Name, how)
			continue
		}
		say("%s: %s: it is started again in %v", s.Name, how, wait)
		time.Sleep(wait)
	}
}
