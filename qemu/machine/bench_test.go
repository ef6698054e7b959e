package machine_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"motile/qemu/bridge"
	"motile/qemu/machine"
)

// repeater starts a QEMU without a guest that repeats frames between two ports
// of a bridge, so that real stream netdevs are measured, and nothing else. On
// either side of it the bridge has a host port: a frame crosses bridge, QEMU
// and bridge again.
func repeater(tb testing.TB) (left, right *bridge.Conn) {
	qemu, err := machine.Find("")
	if err != nil {
		tb.Skip(err)
	}
	dir := tb.TempDir()
	args := []string{"-machine", "none", "-nodefaults", "-display", "none"}
	var ends []*bridge.Conn
	for i := range 2 { // two bridges, or frames would run in circles
		br := bridge.New(bridge.Options{})
		tb.Cleanup(func() { br.Close() })
		port, hosts := filepath.Join(dir, fmt.Sprint("n", i)), filepath.Join(dir, fmt.Sprint("h", i))
		if err := br.AddPort("n1", port); err != nil {
			tb.Fatal(err)
		}
		if err := br.ListenHosts(hosts); err != nil {
			tb.Fatal(err)
		}
		end, err := bridge.Dial(hosts)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { end.Close() })
		ends = append(ends, end)
		args = append(args,
			"-netdev", fmt.Sprintf("stream,id=s%d,server=off,addr.type=unix,addr.path=%s", i, port),
			"-netdev", fmt.Sprintf("hubport,id=h%d,hubid=0,netdev=s%d", i, i))
		defer awaitAttached(tb, br, 2)
	}
	cmd := exec.Command(qemu, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return ends[0], ends[1]
}

func testFrame(dst, src byte, lenBytes int) []byte {
	f := make([]byte, lenBytes)
	copy(f, []byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 0x88, 0xb5})
	for i := 14; i < lenBytes; i++ {
		f[i] = byte(i * 31)
	}
	return f
}

// TestStream_RealQEMUCarriesEverySize: the framing is QEMU's.
func TestStream_RealQEMUCarriesEverySize(t *testing.T) {
	left, right := repeater(t)
	for _, size := range []int{60, 61, 1514, 4096, 9014, 65535, bridge.MaxFrame} {
		f := testFrame(2, 1, size)
		if err := left.Send(f, f); err != nil {
			t.Fatal(err)
		}
		right.SetRecvDeadline(time.Now().Add(10 * time.Second))
		for range 2 {
			got, err := right.Recv()
			if err != nil || string(got) != string(f) {
				t.Fatalf("of %d bytes %d came, %v", size, len(got), err)
			}
		}
	}
}

func BenchmarkStream_RealQEMU(b *testing.B) {
	for _, size := range []int{64, 1514, 9014, bridge.MaxFrame} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			left, right := repeater(b)
			burst := make([][]byte, 8)
			for i := range burst {
				burst[i] = testFrame(2, 1, size)
			}
			b.SetBytes(int64(size))
			b.ResetTimer()
			for sent := 0; sent < b.N; sent += len(burst) {
				if err := left.Send(burst...); err != nil {
					b.Fatal(err)
				}
				for range burst {
					if _, err := right.Recv(); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N*size*8)/b.Elapsed().Seconds()/1e6, "Mbit/s")
		})
	}
}
