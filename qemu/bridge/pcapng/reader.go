package pcapng

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Packet is one recorded frame.
type Packet struct {
	Interface string // empty in a file that names none
	Time      time.Time
	Frame     []byte
}

// Reader reads one capture: a pcapng file, or one of the older pcap format.
type Reader struct {
	closer io.Closer // nil if the file is somebody else's
	read   func() ([]byte, gopacket.CaptureInfo, error)
	ng     *pcapgo.NgReader // nil for pcap
}

// ngMagic begins a pcapng file: the type of a section header block.
var ngMagic = []byte{0x0a, 0x0d, 0x0d, 0x0a}

// ErrNotCapture is what a file is that is neither pcapng nor pcap.
var ErrNotCapture = errors.New("not a capture file: want pcapng, as motile capture writes it, or pcap")

// Open opens a capture file whose interfaces are all Ethernet.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := NewReader(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	r.closer = file
	return r, nil
}

// NewReader reads a capture as it comes.
func NewReader(in io.Reader) (*Reader, error) {
	buffered := bufio.NewReader(in)
	magic, err := buffered.Peek(len(ngMagic))
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrNotCapture, err)
	}
	if !bytes.Equal(magic, ngMagic) {
		old, err := pcapgo.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("%w (%v)", ErrNotCapture, err)
		}
		if old.LinkType() != layers.LinkTypeEthernet {
			return nil, fmt.Errorf("a capture of %v, and not of Ethernet", old.LinkType())
		}
		return &Reader{read: old.ReadPacketData}, nil
	}
	var ng *pcapgo.NgReader
	err = guarded(func() (err error) {
		ng, err = pcapgo.NewNgReader(&blocks{in: buffered}, pcapgo.DefaultNgReaderOptions)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrNotCapture, err)
	}
	return &Reader{read: ng.ReadPacketData, ng: ng}, nil
}

// Next returns the next frame, or io.EOF. Any other error means that the file is
// damaged, or ends in the middle of a frame.
func (r *Reader) Next() (Packet, error) {
	var frame []byte
	var info gopacket.CaptureInfo
	err := guarded(func() (err error) {
		frame, info, err = r.read()
		return err
	})
	switch {
	case err == io.EOF:
		return Packet{}, io.EOF
	case err != nil:
		return Packet{}, fmt.Errorf("the capture is damaged or cut off: %w", err)
	case info.CaptureLength < info.Length:
		return Packet{}, fmt.Errorf("a frame of %d bytes was recorded with %d: record whole frames", info.Length, info.CaptureLength)
	}
	p := Packet{Time: info.Timestamp, Frame: frame}
	if r.ng != nil {
		in, err := r.ng.Interface(info.InterfaceIndex)
		if err != nil {
			return Packet{}, fmt.Errorf("the capture is damaged: %w", err)
		}
		p.Interface = in.Name
	}
	return p, nil
}

// guarded makes an error of gopacket's panics: some values that a damaged file may have
// it divides by.
func guarded(read func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gopacket: %v", p)
		}
	}()
	return read()
}

// Close closes the file that Open has opened.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}
