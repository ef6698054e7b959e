package main

import (
	"strings"
	"testing"
)

// TestCommands: the jobs of each mode, as CRIU is told.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		job  job
		want string
	}{
		{job{do: "dump", pid: 7, dir: "/d"}, "dump --tree 7"},
		{job{do: "restore", dir: "/d"}, "restore --restore-detached"},
		{job{do: "restore", dir: "/d", lazy: true}, "restore --restore-detached --lazy-pages"},
		{job{do: "page-server", dir: "/d", prev: "../e", server: "0.0.0.0"}, "page-server --prev-images-dir ../e --address 0.0.0.0 --port 4002"},
		{job{do: "pre-dump", pid: 7, dir: "/d", server: "10.0.0.2", track: true}, "pre-dump --tree 7 --track-mem --page-server --address 10.0.0.2 --port 4002"},
		{job{do: "dump", pid: 7, dir: "/d", server: "0.0.0.0", lazy: true}, "dump --tree 7 --lazy-pages --address 0.0.0.0 --port 4002"},
		{job{do: "lazy-pages", dir: "/d", server: "10.0.0.1", lazy: true}, "lazy-pages --page-server --address 10.0.0.1 --port 4002"},
	} {
		got := strings.Join(c.job.command().Args[1:], " ")
		got = strings.Replace(got, " --images-dir /d --log-file "+c.job.do+".log -v1", "", 1)
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.job, got, c.want)
		}
	}
}
