package pcapng

import (
	"errors"
	"os"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Writer writes one file. It is not safe for concurrent use.
type Writer struct {
	file       *os.File
	out        *pcapgo.NgWriter // nil until the first interface is known
	interfaces map[string]int
}

// Create makes a capture file, or empties one.
func Create(path string) (*Writer, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &Writer{file: file, interfaces: map[string]int{}}, nil
}

// Write records a frame on the interface of a name, made on its first use.
func (w *Writer) Write(name string, at time.Time, frame []byte) error {
	i, ok := w.interfaces[name]
	if !ok {
		var err error
		if i, err = w.add(name); err != nil {
			return err
		}
		w.interfaces[name] = i
	}
	return w.out.WritePacket(gopacket.CaptureInfo{
		Timestamp:      at,
		CaptureLength:  len(frame),
		Length:         len(frame),
		InterfaceIndex: i,
	}, frame)
}

func (w *Writer) add(name string) (index int, err error) {
	in := pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeEthernet, TimestampResolution: 9}
	if w.out != nil {
		return w.out.AddInterface(in)
	}
	w.out, err = pcapgo.NewNgWriterInterface(w.file, in, pcapgo.NgWriterOptions{
		SectionInfo: pcapgo.NgSectionInfo{Application: "motile"},
	})
	return 0, err
}

// Flush brings what was written to where other programs see it.
func (w *Writer) Flush() error {
	if w.out == nil {
		return nil
	}
	return w.out.Flush()
}

// Close completes the file. One in which nothing was recorded still opens.
func (w *Writer) Close() error {
	var err error
	if w.out == nil {
		_, err = w.add("none")
	}
	return errors.Join(err, w.Flush(), w.file.Close())
}
