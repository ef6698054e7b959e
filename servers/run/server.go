package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"motile/ipc/capability"
	"motile/ipc/std"
	"motile/ipc/std/service"
	"motile/migrate/image"
	"motile/proc/api"
	"motile/proc/api/client"
	"motile/servers/lib"
)

// Server answers who asks for a node.
type Server struct {
	node   int // ours
	key    api.Key
	client *client.Client

	mu    sync.Mutex
	hosts *Hosts
}

// NewServer makes the server of a node. Poll and Serve are its two loops.
func NewServer(node int, key api.Key) *Server {
	return &Server{node: node, key: key, client: client.New(lib.Caller{}, key), hosts: NewHosts()}
}

// answerTime is how long a node has to answer.
const answerTime = 3 * time.Second

// Poll asks the nodes how busy they are, for ever.
func (s *Server) Poll() {
	for {
		s.know()
		s.mu.Lock()
		due, next := s.hosts.Due(time.Now())
		s.mu.Unlock()
		var all sync.WaitGroup
		for _, n := range due {
			all.Go(func() { s.ask(n) })
		}
		all.Wait()
		time.Sleep(time.Until(next))
	}
}

// know learns which nodes there are from ours.
func (s *Server) know() {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	loads, err := s.client.Node(s.node).Nodes(ctx)
	if err != nil {
		return // it is asked again in a moment
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range loads {
		s.hosts.Add([]int{l.Node})
	}
}

func (s *Server) ask(node int) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	l, err := s.client.Node(node).Load(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.hosts.Silent(node, time.Now())
		return
	}
	s.hosts.Heard(l, time.Now())
}

// Serve answers requests, for ever.
func (s *Server) Serve() error {
	secret := s.key.ServiceSecret(Name, 0)
	objects := &service.Service[*Server]{
		Find: func(n uint64) (*Server, capability.Secret, bool) { return s, secret, n == 0 },
		Needs: func(uint32) capability.Rights {
			return capability.PSRRead
		},
		Info:   func(*Server) string { return fmt.Sprintf("run server on node %d", s.node) },
		Status: func(*Server) string { return s.table() },
		Touch:  func(*Server) {},
	}
	return lib.ServeObjects(s.key.ServicePort(Name, 0), 4096, objects, func(_ *Server, h *std.Header, data []byte) []byte {
		command := h.Command
		*h = std.Header{}
		if command != FindHost {
			h.SetStatus(std.ComBad)
			return nil
		}
		reply, st := s.find(data)
		h.SetStatus(st)
		return reply
	})
}

func (s *Server) find(data []byte) ([]byte, std.Status) {
	var q FindRequest
	if image.Unmarshal(data, &q) != nil || q.MemoryKB < 0 || q.TextKB < 0 || len(q.Digest) != 0 && len(q.Digest) != 32 {
		return nil, std.ArgBad
	}
	need := Need{MemoryKB: q.MemoryKB, TextKB: q.TextKB}
	if len(q.Digest) != 0 {
		need.Cached = s.cached([32]byte(q.Digest))
	}
	s.mu.Lock()
	node, err := s.hosts.Choose(&need, rand.IntN)
	s.mu.Unlock()
	if errors.Is(err, ErrNoHost) {
		return nil, std.NoMem
	}
	reply, err := image.Marshal(FindReply{Node: node})
	if err != nil {
		return nil, std.SysErr
	}
	return reply, std.OK
}

// cached finds out which nodes have a file.
func (s *Server) cached(digest [32]byte) map[int]bool {
	s.mu.Lock()
	nodes := s.hosts.numbers()
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	var all sync.WaitGroup
	var mu sync.Mutex
	have := make(map[int]bool)
	for _, n := range nodes {
		all.Go(func() {
			if _, err := s.client.Node(n).File(ctx, digest); err == nil {
				mu.Lock()
				defer mu.Unlock()
				have[n] = true
			}
		})
	}
	all.Wait()
	return have
}

// table is what is known, for STD_STATUS.
func (s *Server) table() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s %-8s %6s %10s %10s\n", "NODE", "STATE", "LOAD", "FREE", "CHARGED")
	for _, n := range s.hosts.numbers() {
		x := s.hosts.all[n]
		fmt.Fprintf(&b, "%-5d %-8s %6.2f %7d kB %7d kB\n", n, [...]string{up: "up", crashed: "crashed", down: "down"}[x.state],
			float64(x.load.LoadMilli)/1000, x.load.FreeKB, x.chargedKB)
	}
	return b.String()
}
