package flipnode_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"motile/ipc/flip"
	"motile/ipc/std"
	"motile/qemu/bridge"
	"motile/tools/flipnode"
	"motile/tools/flipnode/flipnodetest"
)

func TestTrans(t *testing.T) {
	net := flipnodetest.New(t)
	server, client := net.Node(), net.Node()
	s, err := server.Serve(flip.Address{}, func(r *flipnode.Request) {
		h := std.Header{Offset: r.Header.Offset + 1}
		if r.Header.Extra == 0 {
			r.Answer(&h, r.Data)
			return
		}
		go r.Reply(&h, r.Data)
	})
	if err != nil {
		t.Fatal(err)
	}
	big := bytes.Repeat([]byte("fragments"), 60_000)
	for extra := range uint32(2) {
		h, data, err := client.Trans(t.Context(), s.Address(), &std.Header{Offset: 6, Extra: extra}, big, time.Second)
		if err != nil || h.Offset != 7 || !bytes.Equal(data, big) {
			t.Fatalf("%+v, %d bytes, %v", h, len(data), err)
		}
	}
	s.Close()
	if _, _, err := client.Trans(t.Context(), s.Address(), &std.Header{}, nil, 200*time.Millisecond); !errors.Is(err, std.RPCNotFound) {
		t.Fatal(err)
	}
}

func TestTrans_ByPort(t *testing.T) {
	net := flipnodetest.New(t)
	server, client := net.Node(), net.Node()
	s, err := server.Serve(flip.Address{}, func(r *flipnode.Request) { r.Answer(&std.Header{Extra: 5}, nil) })
	if err != nil {
		t.Fatal(err)
	}
	port := [16]byte{1, 2, 3}
	s.Listen(port)
	h, _, err := client.Call(t.Context(), &std.Header{Port: port}, nil)
	if err != nil || h.Extra != 5 {
		t.Fatalf("%+v, %v", h, err)
	}
}

func TestTrans_GivenUp(t *testing.T) {
	net := flipnodetest.New(t)
	server, client := net.Node(), net.Node()
	asked := make(chan *flipnode.Request, 1)
	s, err := server.Serve(flip.Address{}, func(r *flipnode.Request) { asked <- r })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, _, err := client.Trans(ctx, s.Address(), &std.Header{}, nil, time.Second); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestClose_EndsWhatIsUnderWay(t *testing.T) {
	net := flipnodetest.New(t)
	client := net.Node()
	go func() {
		time.Sleep(30 * time.Millisecond)
		client.Close()
	}()
	if _, _, err := client.Trans(t.Context(), flip.Address{9}, &std.Header{}, nil, time.Minute); err == nil {
		t.Fatal("no error")
	}
	if _, _, err := client.Trans(t.Context(), flip.Address{9}, &std.Header{}, nil, time.Minute); err == nil {
		t.Fatal("no error")
	}
}

func TestBridgeGoesAway(t *testing.T) {
	net := flipnodetest.New(t)
	client := net.Node()
	time.AfterFunc(30*time.Millisecond, func() { net.Bridge.Close() })
	_, _, err := client.Trans(t.Context(), flip.Address{9}, &std.Header{}, nil, time.Minute)
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte("network went away")) {
		t.Fatal(err)
	}
}

func TestDial_NoCluster(t *testing.T) {
	if _, err := flipnode.Dial(t.TempDir() + "/hosts"); err == nil || !bytes.Contains([]byte(err.Error()), []byte("is the cluster up?")) {
		t.Fatal(err)
	}
}

// Two programs may serve the same address one after the other, not together.
func TestServe_PublicAddress(t *testing.T) {
	net := flipnodetest.New(t)
	n := net.Node()
	at := flip.Address{1, 1, 1}
	s, err := n.Serve(at, func(r *flipnode.Request) { r.Answer(&std.Header{}, nil) })
	if err != nil || s.Address() != at {
		t.Fatal(err)
	}
	if _, err := n.Serve(at, nil); err == nil {
		t.Fatal("served twice")
	}
	s.Close()
	if _, err := n.Serve(at, nil); err != nil {
		t.Fatal(err)
	}
}

func TestLoss(t *testing.T) {
	net := flipnodetest.New(t)
	server, client := net.Node(), net.Node()
	count := 0
	s, err := server.Serve(flip.Address{}, func(r *flipnode.Request) {
		count++ // under the node's lock
		r.Answer(&std.Header{Extra: uint32(count)}, r.Data)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := net.Bridge.SetFaults(bridge.Faults{Loss: 0.1, Dup: 0.1, Reorder: 0.1, Seed: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(50) {
		h, _, err := client.Trans(t.Context(), s.Address(), &std.Header{}, make([]byte, 4000), 10*time.Second)
		if err != nil || h.Extra != i+1 {
			t.Fatalf("request %d was number %d: %v", i+1, h.Extra, err)
		}
	}
}
