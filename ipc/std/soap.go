package std

import "motile/ipc/capability"

// Commands of Amoeba's directory server (server/soap/soap.h), and what their data are
// (SoapRow and so on, encoded). Each is sent to a directory; CREATE to any. A command
// that changes something has a random number in Offset, not 0: who repeats the request,
// because he does not know its outcome, gives it the same, and it is carried out once.
const (
	SoapCreate    = SoapFirst + 0  // columns → a new directory's capability, in the header; nobody has entered it anywhere yet
	SoapDiscard   = SoapFirst + 1  // an empty directory
	SoapList      = SoapFirst + 2  // name of the row before the first one wanted → SoapListing; Size: rows in all, Extra: 1 if more follow, Offset: sequence number
	SoapAppend    = SoapFirst + 3  // SoapRow
	SoapChmod     = SoapFirst + 4  // SoapRow: name, masks
	SoapDelete    = SoapFirst + 5  // SoapRow: name
	SoapLookup    = SoapFirst + 6  // path; Offset: number of a watcher, or 0 → SoapFound; Size: how much of the path this server knew; Extra: 1 if the watcher may keep it
	SoapSetLookup = SoapFirst + 7  // list of SoapEntry → list of SoapFound
	SoapInstall   = SoapFirst + 8  // list of SoapChange: all of it, or nothing and Extra: the first that clashes
	SoapReplace   = SoapFirst + 10 // SoapRow: name, set
	SoapGetMasks  = SoapFirst + 11 // SoapRow: name → SoapRow: masks
	SoapGetSeqNr  = SoapFirst + 12 // → Offset: grows with each change of the directory
	// 2109, PUTTYPE, is Amoeba's alone: rows have no types.

	// SoapWatch keeps a client's cache of lookups true. Offset is the client's number, Extra
	// acknowledges the answer before. The reply comes when rows have changed that the client
	// has looked up, or after a while: a list of directories of which it must forget what it
	// knows; Extra: the answer's number; Size: 1 if it must forget all; Port: where to look up
	// what is to be kept, and to ask this again. What is kept is good for SoapLeaseMs after
	// the last request that was answered.
	SoapWatch = PrivateFirst + 220
)

// SoapLeaseMs is how long a client that hears nothing keeps what it has looked up.
const SoapLeaseMs = 3000

// Errors of directory servers.
const (
	SoapUnavail  Status = -2101 // less than a majority of the replicas is there
	SoapNotEmpty Status = -2102
	SoapUnreach  Status = -2103 // the server of what was looked up does not answer, and only it can restrict
	SoapClash    Status = -2104 // INSTALL: it is not as the caller thought
)

// Rights of a directory: to use columns, to change rows, to discard it.
const (
	SoapRgtColumns capability.Rights = 0x0f
	SoapRgtModify  capability.Rights = 0x40
	SoapRgtDelete  capability.Rights = 0x80
)

// Limits.
const (
	SoapColumns = 4     // of a directory
	SoapMaxName = 255   // bytes of a name
	SoapMaxPath = 4096  // of a path
	SoapMaxList = 32    // entries of SETLOOKUP, changes of INSTALL
	SoapMaxData = 28672 // of a request or reply
)

// SoapRights are the rights of directories, for people.
var SoapRights = capability.Names{Prefix: "SP_", Rights: []capability.Name{
	{Bit: 1, Name: "COL1"}, {Bit: 2, Name: "COL2"}, {Bit: 4, Name: "COL3"}, {Bit: 8, Name: "COL4"},
	{Bit: SoapRgtModify, Name: "MODRGT"}, {Bit: SoapRgtDelete, Name: "DELRGT"},
}}
