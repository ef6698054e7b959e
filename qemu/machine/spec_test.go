package machine

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func goodSpec(t *testing.T) Spec {
	dir := t.TempDir()
	kernel := filepath.Join(dir, "kernel.elf")
	if err := os.WriteFile(kernel, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return Spec{Node: 258, Kernel: kernel, ConsoleSocket: "/r/con", ConsoleLog: "/r/log,1", QMPSocket: "/r/qmp",
		NICs: []NIC{{Socket: "/r/net"}}}
}

func TestArgs(t *testing.T) {
	common := "-name n258 -nodefaults -no-user-config -display none -no-reboot -S -machine MACHINE " +
		"-accel tcg,thread=single,tb-size=64 -cpu " + DefaultCPU + " -smp 1 -m 128M -rtc base=utc -kernel KERNEL " +
		"-chardev socket,id=console,path=/r/con,server=on,wait=off,logfile=/r/log,,1,logappend=on -serial chardev:console " +
		"-chardev socket,id=qmp,path=/r/qmp,server=on,wait=off -mon chardev=qmp,mode=control " +
		"-device isa-debug-exit,iobase=0x501,iosize=4 "
	pci := "-object rng-random,id=entropy,filename=/dev/urandom -device virtio-rng-pci,rng=entropy " +
		"-netdev stream,id=net0,server=off,addr.type=unix,addr.path=/r/net " +
		"-device virtio-net-pci,romfile=,disable-legacy=off,disable-modern=off,netdev=net0,mac=52:54:00:4d:01:02,host_mtu=9000"
	for _, c := range []struct {
		typ           Type
		machine, rest string
	}{
		{MicroVM, "microvm,acpi=off,rtc=on", "-global virtio-mmio.force-legacy=false " +
			"-object rng-random,id=entropy,filename=/dev/urandom -device virtio-rng-device,rng=entropy " +
			"-netdev stream,id=net0,server=off,addr.type=unix,addr.path=/r/net " +
			"-device virtio-net-device,netdev=net0,mac=52:54:00:4d:01:02,host_mtu=9000"},
		{PC, "pc", pci},
		{Q35, "q35", pci},
	} {
		s := goodSpec(t)
		s.Type = c.typ
		want := strings.NewReplacer("MACHINE", c.machine, "KERNEL", s.Kernel).Replace(common + c.rest)
		if got := strings.Join(s.Args(time.Now()), " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.typ, got, want)
		}
	}
}

func TestArgs_Options(t *testing.T) {
	s := goodSpec(t)
	s.Type, s.Initrd, s.Append = Q35, s.Kernel, "node=258 x"
	s.RTCOffset, s.TBSizeMB, s.MemMB = -time.Hour, 32, 48
	s.Disk, s.Incoming = "/r/disk,1", "/r/in"
	s.GDBSocket, s.NICs[0].Virtio, s.NICs[0].MTU = "/r/gdb", Modern, 1500
	args := strings.Join(s.Args(time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC)), "\n")
	for _, want := range [][]string{
		{"-initrd", s.Kernel},
		{"-append", "node=258 x"},
		{"-rtc", "base=2025-12-31T23:30:00"},
		{"-accel", "tcg,thread=single,tb-size=32"},
		{"-m", "48M"},
		{"-gdb", "chardev:gdb"},
		{"-incoming", "unix:/r/in"},
		{"-blockdev", "driver=raw,node-name=disk,file.driver=file,file.locking=on,file.filename=/r/disk,,1"},
		{"-device", "virtio-blk-pci,drive=disk"},
		{"-device", "virtio-net-pci,romfile=,disable-legacy=on,disable-modern=off,netdev=net0,mac=52:54:00:4d:01:02,host_mtu=1500"},
	} {
		if !strings.Contains(args, "\n"+want[0]+"\n"+want[1]) {
			t.Errorf("%q is missing in %q", want, args)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := goodSpec(t).Validate(); err != nil {
		t.Fatal(err)
	}
	long := "/" + strings.Repeat("x", maxSocketPath)
	for _, c := range []struct {
		break_ func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Node = 501 }, "from 1 to 500"},
		{func(s *Spec) { s.Type = "virt" }, "microvm, pc, q35"},
		{func(s *Spec) { s.MemMB = 4 }, "16 to 3072"},
		{func(s *Spec) { s.Kernel = "/no/such" }, "build it with make"},
		{func(s *Spec) { s.Initrd = "/no/such" }, "boot archive"},
		{func(s *Spec) { s.Disk = "/no/such" }, "disk: "},
		{func(s *Spec) { s.NICs[0].MTU = 70000 }, "68 to 65535"},
		{func(s *Spec) { s.QMPSocket = long }, "shorter name"},
		{func(s *Spec) { s.NICs[0].Socket = long }, "shorter name"},
	} {
		s := goodSpec(t)
		c.break_(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "node ") {
			t.Errorf("%v, want something with %q", err, c.want)
		}
	}
}

func TestParseTypes(t *testing.T) {
	got, err := ParseTypes("pc, q35,microvm")
	if err != nil || !slices.Equal(got, []Type{PC, Q35, MicroVM}) {
		t.Fatal(got, err)
	}
	if _, err := ParseTypes("pc,,q35"); err == nil {
		t.Fatal("accepted an empty type")
	}
}

func TestCommandLine_CanBePasted(t *testing.T) {
	got := CommandLine("qemu", []string{"-append", "node=1 it's", "romfile=", ""})
	if want := `qemu -append 'node=1 it'\''s' romfile= ''`; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
}
