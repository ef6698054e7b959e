package std

import "strconv"

// Status is the outcome of a request: OK, a positive number with a meaning up
// to the command, or one of Amoeba's error numbers.
type Status int32

const OK Status = 0

// Errors of the transaction itself.
const (
	RPCFailure    Status = -1 // the server may or may not have executed the request
	RPCNotFound   Status = -2 // no server took the request; it was not executed
	RPCBadAddress Status = -3 // a buffer outside the caller's memory
	RPCAborted    Status = -4 // a signal ended the call before anything was sent
	RPCTryAgain   Status = -5 // no room for the call at present
	RPCComBad     Status = -6
	RPCRemoteRPC  Status = -7
	RPCBadPort    Status = -8 // the null port, or a putrep without a request
	RPCUnsafe     Status = -9
)

// Errors of ordered groups.
const (
	BCFail     Status = -20
	BCAbort    Status = -21
	BCTooBig   Status = -22
	BCBadPort  Status = -23
	BCNoExist  Status = -24
	BCTooMany  Status = -25
	BCIllReset Status = -28
)

// Errors of raw FLIP: Amoeba's numbers less 40, which would be those of RPC.
const (
	FlipFail     Status = -41 // no such interface or endpoint, or not one that can do that
	FlipTimeout  Status = -42 // nothing has come
	FlipNoPacket Status = -43 // too many messages wait to leave
	FlipUnknown  Status = -44
	FlipUnsafe   Status = -45 // no way over trusted networks
)

// Errors that any service may answer.
const (
	CapBad    Status = -1000 // the capability's check does not fit
	ComBad    Status = -1001 // no such command
	ArgBad    Status = -1002
	NotNow    Status = -1003
	NoSpace   Status = -1004
	Denied    Status = -1005 // the capability lacks a right
	NoMem     Status = -1006
	Exists    Status = -1007
	NotFound  Status = -1008
	SysErr    Status = -1009
	Intr      Status = -1010
	Overflow  Status = -1011 // too long; nothing was cut off
	WriteProt Status = -1012
	NoMedium  Status = -1013
)

// String returns Amoeba's name for s.
func (s Status) String() string {
	switch {
	case s == OK:
		return "STD_OK"
	case s <= -1 && s >= -9:
		return "RPC_" + rpcNames[-s-1]
	case s <= -20 && s >= -28 && bcNames[-s-20] != "":
		return "BC_" + bcNames[-s-20]
	case s <= -41 && s >= -45:
		return "FLIP_" + flipNames[-s-41]
	case s <= -1000 && s >= -1013:
		return "STD_" + stdNames[-s-1000]
	case s <= SoapUnavail && s >= SoapClash:
		return "SP_" + soapNames[SoapUnavail-s]
	}
	return strconv.Itoa(int(s))
}

// Error makes a Status usable as an error; OK must not be returned as one.
func (s Status) Error() string { return s.String() }

var rpcNames = [...]string{"FAILURE", "NOTFOUND", "BADADDRESS", "ABORTED", "TRYAGAIN",
	"COMBAD", "REMOTERPC", "BADPORT", "UNSAFE"}

var bcNames = [...]string{"FAIL", "ABORT", "TOOBIG", "BADPORT", "NOEXIST", "TOOMANY", "", "", "ILLRESET"}

var flipNames = [...]string{"FAIL", "TIMEOUT", "NOPACKET", "UNKNOWN", "UNSAFE"}

var stdNames = [...]string{"CAPBAD", "COMBAD", "ARGBAD", "NOTNOW", "NOSPACE", "DENIED", "NOMEM",
	"EXISTS", "NOTFOUND", "SYSERR", "INTR", "OVERFLOW", "WRITEPROT", "NOMEDIUM"}

var soapNames = [...]string{"UNAVAIL", "NOTEMPTY", "UNREACH", "CLASH"}
