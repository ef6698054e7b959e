// Command wireshark writes the tables of names and numbers in amflip.lua, Wireshark's
// dissector for our protocols, from the packages that define them. A test says when
// that is due.
//
//	go run ./tools/wireshark tools/wireshark/amflip.lua
//	tshark -X lua_script:tools/wireshark/amflip.lua -r x.pcapng
package main
