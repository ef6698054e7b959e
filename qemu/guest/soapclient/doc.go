// Command soapclient asks the directory servers what it is told to on its input, and keeps
// what it looks up:
//
//	get PATH    print the object's number, and how many lookups no server has seen
//	load N      enter, look up and delete N names, and print how many a second
package main
