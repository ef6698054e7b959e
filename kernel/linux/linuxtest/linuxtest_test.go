package linuxtest_test

import (
	"testing"

	"motile/kernel/abi"
	"motile/kernel/linux/linuxtest"
)

func TestBench_PipeStory(t *testing.T) {
	b := linuxtest.New(t)
	p := b.Process()
	r, w := p.Pipe()
	c := p.Fork()
	buf := p.Alloc(8)
	p.Want(linuxtest.Blocked, abi.SysRead, r, buf, 8)
	c.Write(w, "hello")
	p.Expect(5)
	c.Exit(3)
	if st := p.Wait(-1); st != 3<<8 {
		t.Errorf("status %#x", st)
	}
}

func TestBench_Scripts(t *testing.T) {
	b := linuxtest.New(t)
	p := b.Process()
	var got string
	p.Go(func(p *linuxtest.Thread) {
		r, w := p.Pipe()
		p.HandleWith(abi.SIGCHLD, 0, func(p *linuxtest.Thread) { got += "<child>" })
		p.Spawned(func(c *linuxtest.Thread) {
			c.Close(r)
			for _, s := range []string{"one ", "two ", "three "} {
				c.Write(w, s)
			}
		})
		p.Must(abi.SysFork)
		p.Close(w)
		for s := p.Read(r, 4); s != ""; s = p.Read(r, 4) {
			got += s
		}
		p.Wait(-1)
	})
	b.Run()
	if got != "one two three <child>" {
		t.Errorf("read %q", got)
	}
	if n := len(b.Tab.Processes()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}
