package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"motile/proc/api"
	"motile/qemu/bridge/pcapng"
	"motile/tools/dissect"
)

// options is the command line.
type options struct {
	File string `arg:"" optional:"" help:"Capture to read, pcapng or pcap; - or none: standard input." default:"-"`
	Key  string `help:"Key of the cluster: gives nodes and processes their names." placeholder:".motile/key" type:"existingfile"`

	Type []string `help:"Only frames of a type: FLIP's (LOCATE, UNIDATA, BUSY, …), RPC's (REQUEST, NAK, …), a command (MOVE_OFFER, STD_INFO, …) or OTHER, what is not FLIP." placeholder:"TYPE"`
	Addr []string `help:"Only frames from or to an address: the beginning of its hex digits, or its name as printed (“node 2”, “pid 1000005”)." placeholder:"ADDR"`
	Move []int32  `help:"Only what moves a process." placeholder:"PID"`

	JSON   bool `help:"Print a JSON object a line." name:"json" xor:"how"`
	Stats  bool `help:"Print how many frames of what kind there are, and no frames." xor:"how"`
	Strict bool `help:"Fail if a frame is not decoded, and say which."`
}

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main, for tests too.
func run(args []string, in io.Reader, out, errs io.Writer) (status int) {
	o := new(options)
	exited := -1
	parser, err := kong.New(o,
		kong.Name("flipdump"),
		kong.Description("Prints what a capture of a cluster's network says, a line a frame, with comments on processes that move."),
		kong.Writers(out, errs),
		kong.Exit(func(s int) { exited = s }),
	)
	if err == nil {
		_, err = parser.Parse(args)
	}
	switch {
	case exited >= 0:
		return exited // help was asked for
	case err != nil:
		fmt.Fprintf(errs, "flipdump: %v (flipdump --help explains)\n", err)
		return exitUsage
	}
	if err := o.dump(in, out); err != nil && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintf(errs, "flipdump: %v\n", err)
		return exitFailure
	}
	return 0
}

// dump prints the capture.
func (o *options) dump(in io.Reader, out io.Writer) error {
	d, err := o.dissector()
	if err != nil {
		return err
	}
	r, err := o.open(in)
	if err != nil {
		return fmt.Errorf("%s: %w", o.name(), err)
	}
	defer r.Close()
	buffered := bufio.NewWriter(out)
	w := o.printer(buffered)
	err = o.frames(d, r, w)
	// What was read before the file turned out to be damaged is worth printing.
	return errors.Join(err, w.end(), buffered.Flush())
}

func (o *options) dissector() (*dissect.Dissector, error) {
	if o.Key == "" {
		return dissect.New(nil), nil
	}
	text, err := os.ReadFile(o.Key)
	if err != nil {
		return nil, err
	}
	key, err := api.ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Key, err)
	}
	return dissect.New(&key), nil
}

func (o *options) open(in io.Reader) (*pcapng.Reader, error) {
	if o.File == "-" {
		return pcapng.NewReader(in)
	}
	return pcapng.Open(o.File)
}

func (o *options) name() string {
	if o.File == "-" {
		return "standard input"
	}
	return o.File
}

// mostNamed is how many frames that are not decoded an error names.
const mostNamed = 5

// frames dissects and prints all frames.
func (o *options) frames(d *dissect.Dissector, r *pcapng.Reader, w printer) error {
	bad, named := 0, []string{}
	for nr := 1; ; nr++ {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: frame %d: %w", o.name(), nr, err)
		}
		f := d.Frame(&p)
		if f.Bad != "" {
			if bad++; bad <= mostNamed {
				named = append(named, fmt.Sprintf("frame %d: %s", f.Nr, f.Bad))
			}
		}
		if o.wants(f) {
			if err := w.print(f); err != nil {
				return err
			}
		}
	}
	switch {
	case bad == 0 || !o.Strict:
		return nil
	case bad > mostNamed:
		named = append(named, "…")
	}
	return fmt.Errorf("%s: %d frames are not decoded: %s", o.name(), bad, strings.Join(named, "; "))
}
