// Command ferry is a server that takes much data and brings as much back, and its
// client.
//
//	ferry serve NAME BYTES        serve under the port of that name, for ever
//	ferry call NAME BYTES TIMES   send so much and fetch as much, so often; then say
//	                              how many calls there were and how many failed
package main
