package client

import (
	"fmt"
	"strconv"
	"strings"

	"motile/kernel/abi"
)

// signalNames are the signals that have one, in order.
var signalNames = [...]string{
	abi.SIGHUP: "HUP", abi.SIGINT: "INT", abi.SIGQUIT: "QUIT", abi.SIGILL: "ILL", abi.SIGTRAP: "TRAP",
	abi.SIGABRT: "ABRT", abi.SIGBUS: "BUS", abi.SIGFPE: "FPE", abi.SIGKILL: "KILL", abi.SIGUSR1: "USR1",
	abi.SIGSEGV: "SEGV", abi.SIGUSR2: "USR2", abi.SIGPIPE: "PIPE", abi.SIGALRM: "ALRM", abi.SIGTERM: "TERM",
	abi.SIGSTKFLT: "STKFLT", abi.SIGCHLD: "CHLD", abi.SIGCONT: "CONT", abi.SIGSTOP: "STOP", abi.SIGTSTP: "TSTP",
	abi.SIGTTIN: "TTIN", abi.SIGTTOU: "TTOU", abi.SIGURG: "URG", abi.SIGXCPU: "XCPU", abi.SIGXFSZ: "XFSZ",
	abi.SIGVTALRM: "VTALRM", abi.SIGPROF: "PROF", abi.SIGWINCH: "WINCH", abi.SIGIO: "IO", abi.SIGPWR: "PWR",
	abi.SIGSYS: "SYS",
}

// ParseSignal reads a signal's number or name, with or without SIG. 0 is no
// signal: it only asks whether the process is there.
func ParseSignal(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n <= abi.NSIG {
		return n, nil
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	for n, known := range signalNames {
		if known == name && n > 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is not a signal: give a number from 0 to %d or a name such as TERM (kill -l lists them)", s, abi.NSIG)
}

// SignalName is the reverse.
func SignalName(n int) string {
	if n > 0 && n < len(signalNames) && signalNames[n] != "" {
		return "SIG" + signalNames[n]
	}
	return "signal " + strconv.Itoa(n)
}

// SignalNames lists the names, by number from 1 on.
func SignalNames() []string { return signalNames[1:] }
