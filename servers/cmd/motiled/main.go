package main

import (
	"fmt"
	"io"
	"os"
)

// server is one of them. Its run returns when it is over, which nobody expects.
type server struct {
	name  string
	args  string
	about string
	run   func(words []string) error
}

// servers lists them. It is a function because they may refer to it.
func servers() []server {
	return []server{
		{"file", fileArgs, fileAbout, fileServer},
		{"soap", soapArgs, "directories: names for capabilities", runSoap},
		{"bullet", bulletArgs, bulletAbout, runBullet},
		{"mover", "", moverAbout, runMover},
		{"run", "[--services FILE]", "starts the servers of this node, and again those that end; says which node a program is to run on", runServer},
	}
}

func main() {
	words := os.Args[1:]
	if len(words) == 0 || words[0] == "-h" || words[0] == "--help" {
		help(os.Stdout)
		return
	}
	for _, s := range servers() {
		if s.name != words[0] {
			continue
		}
		if len(words) == 2 && (words[1] == "-h" || words[1] == "--help") {
			s.help(os.Stdout)
			return
		}
		if err := s.run(words[1:]); err != nil {
			fmt.Fprintf(os.Stderr, "motiled %s: %v\n", s.name, err)
			os.Exit(1)
		}
		return
	}
	fmt.Fprintf(os.Stderr, "motiled: there is no server %s (motiled -h lists them)\n", words[0])
	os.Exit(2)
}

func (s *server) help(w io.Writer) {
	fmt.Fprintf(w, "usage: motiled %s %s\n  %s\n", s.name, s.args, s.about)
}

func help(w io.Writer) {
	fmt.Fprintln(w, "usage: motiled SERVER [ARG...]")
	for _, s := range servers() {
		fmt.Fprintf(w, "  %s %s\n      %s\n", s.name, s.args, s.about)
	}
}
