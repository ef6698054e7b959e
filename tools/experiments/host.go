package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"motile/qemu/machine"
	"motile/qemu/testbed"
	"motile/tools/experiments/record"
)

const unknown = "unknown"

// host describes the machine that QEMU runs on.
func host(ctx context.Context) record.Host {
	return record.Host{
		CPU:    procLine("/proc/cpuinfo", "model name"),
		CPUs:   runtime.NumCPU(),
		Memory: memory(),
		Kernel: strings.Replace(firstWords("/proc/version", 3), " version", "", 1),
		QEMU:   qemuVersion(ctx),
		Load:   [2]string{testbed.LoadAverage(), ""},
	}
}

// memory is what the machine has, GB.
func memory() string {
	var kb float64
	if _, err := fmt.Sscan(procLine("/proc/meminfo", "MemTotal"), &kb); err != nil {
		return unknown
	}
	return fmt.Sprintf("%.0f GB", kb/(1<<20))
}

// procLine is what a file of "name : value" lines says first of a name.
func procLine(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return unknown
}

func firstWords(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	words := strings.Fields(string(text))
	return strings.Join(words[:min(n, len(words))], " ")
}

// qemuVersion is the first line of what it says of itself.
func qemuVersion(ctx context.Context) string {
	program, err := machine.Find("")
	if err != nil {
		return unknown
	}
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return unknown
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(line, "QEMU emulator version ")
}
