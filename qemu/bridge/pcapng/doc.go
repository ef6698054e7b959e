// Package pcapng reads and writes capture files. It is the one package that
// knows gopacket's file code; the rest of Motile sees names, times and bytes.
package pcapng
