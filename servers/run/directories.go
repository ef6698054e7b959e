package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Nodes are numbers of nodes.
type Nodes []int

// Directories reads which nodes keep the name space: a line of numbers, as in 1,2,3.
// Without the file it is node 1.
func Directories(file string) (nodes Nodes, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Nodes{1}, nil
	}
	if err != nil {
		return nil, err
	}
	for word := range strings.SplitSeq(strings.TrimSpace(string(text)), ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q: want numbers of nodes, as in 1,2,3", file, word)
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// Has reports whether a node is one of them.
func (l Nodes) Has(node int) bool { return slices.Contains(l, node) }

func (l Nodes) String() string {
	words := make([]string, len(l))
	for i, n := range l {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ",")
}
