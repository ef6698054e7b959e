package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/checkpoint-restore/go-criu/v7/rpc"
	"google.golang.org/protobuf/proto"
)

// serviceSocket is where CRIU's service listens (https://criu.org/RPC).
const serviceSocket = "/run/criu.sock"

// startService has CRIU stay: it forks for each request, and need not be loaded.
func startService() error {
	c := exec.Command("/criu", "service", "--address", serviceSocket, "--log-file", "/run/service.log", "-v1")
	if err := c.Start(); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unixpacket", serviceSocket); err == nil {
			return c.Close()
		}
	}
	return errors.New("CRIU's service does not come up")
}

var requests = map[string]rpc.CriuReqType{
	"dump":        rpc.CriuReqType_DUMP,
	"pre-dump":    rpc.CriuReqType_PRE_DUMP,
	"restore":     rpc.CriuReqType_RESTORE,
	"page-server": rpc.CriuReqType_PAGE_SERVER,
}

// ask has the service do the job. It answers when that is done, and in the case of a page
// server when that listens.
func (j *job) ask() error {
	dir, err := os.Open(j.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	request, ok := requests[j.do]
	if !ok {
		return fmt.Errorf("CRIU's service does not do %s", j.do)
	}
	q := &rpc.CriuReq{Type: &request, Opts: &rpc.CriuOpts{
		ImagesDirFd: proto.Int32(int32(dir.Fd())), // it looks for that among our descriptors
		LogFile:     proto.String(j.do + ".log"), LogLevel: proto.Int32(1),
		TrackMem: &j.track, LazyPages: &j.lazy,
	}}
	if j.pid != 0 {
		q.Opts.Pid = proto.Int32(int32(j.pid))
	}
	if j.prev != "" {
		q.Opts.ParentImg = &j.prev
	}
	if j.server != "" {
		q.Opts.Ps = &rpc.CriuPageServerInfo{Address: &j.server, Port: proto.Int32(pagePort)}
	}
	r, err := exchange(q)
	switch {
	case err != nil:
		return j.fail(err)
	case !r.GetSuccess():
		return j.fail(fmt.Errorf("error %d, %q", r.GetCrErrno(), r.GetCrErrmsg()))
	}
	return nil
}

func exchange(q *rpc.CriuReq) (*rpc.CriuResp, error) {
	c, err := net.Dial("unixpacket", serviceSocket)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	message, err := proto.Marshal(q)
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(message); err != nil {
		return nil, err
	}
	answer := make([]byte, 8<<10)
	n, err := c.Read(answer)
	if err != nil {
		return nil, err
	}
	r := new(rpc.CriuResp)
	return r, proto.Unmarshal(answer[:n], r)
}
