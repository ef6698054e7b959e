// Command webserver is an HTTP server as anybody would write one for Linux, for tests of
// TCP/IP: it knows nothing of Motile. It serves, on the address that is its argument,
//
//	/           the files of the node
//	/made/N     N bytes of package content, with ranges
//	/echo       what is posted to it
//	/poll       an answer when somebody asks for /release
package main
