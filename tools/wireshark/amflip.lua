-- Wireshark's dissector for FLIP as Motile speaks it, and what is above it: RPC, the
-- commands of the kernel's servers, migrations. ipc/flip/PROTOCOL.md, ipc/rpc/PROTOCOL.md
-- and migrate/wire say what it all means.
--
--   tshark -X lua_script:tools/wireshark/amflip.lua -r x.pcapng
--   tshark -X lua_script:tools/wireshark/amflip.lua -r x.pcapng -Y amflip.move
--
-- A frame that is not wholly decoded has the field amflip.undecoded.

-- BEGIN of what tools/wireshark has written
local ETHERTYPE, VERSION, HEADER = 0x8146, 4, 68
local STD_HEADER, WHO, FILE_STATUS = 64, 13, 28
local FLIP_TYPES = {
	[1] = "LOCATE",
	[2] = "HEREIS",
	[3] = "UNIDATA",
	[4] = "MULTIDATA",
	[5] = "NOTHERE",
	[6] = "UNTRUSTED",
	[7] = "BUSY",
	[8] = "ACK",
}
local PROTOS = { [1] = "RPC", [2] = "group", [3] = "raw" }
local RPC_TYPES = {
	[1] = "LOCATE",
	[2] = "HEREIS",
	[3] = "REQUEST",
	[4] = "REPLY",
	[5] = "ACK",
	[6] = "NAK",
	[7] = "ENQUIRE",
	[8] = "ALIVE",
	[9] = "RECEIVED",
	[10] = "FORWARD",
	[11] = "FAIL",
	[12] = "PULL",
	[13] = "PART",
}
local GROUP_TYPES = {
	[0] = "LOCATE",
	[1] = "HEREIS",
	[2] = "JOINREQ",
	[3] = "JOIN",
	[4] = "LEAVEREQ",
	[5] = "LEAVE",
	[6] = "BCASTREQ",
	[7] = "BCAST",
	[8] = "ACK",
	[9] = "RETRANS",
	[10] = "SYNC",
	[11] = "STATE",
	[12] = "REFORMREQ",
	[13] = "VOTE",
	[14] = "RESULT",
	[15] = "RESULTACK",
	[16] = "ALIVE",
	[17] = "ALIVEREQ",
	[18] = "DEAD",
	[19] = "HOLD",
}
local RECORDS = {
	[1] = "process",
	[2] = "objects",
	[3] = "rpc",
	[4] = "lineage",
	[5] = "segments",
	[6] = "pages",
	[7] = "file",
}
local STATUSES = {
	[0] = "STD_OK",
	[-1] = "RPC_FAILURE",
	[-2] = "RPC_NOTFOUND",
	[-3] = "RPC_BADADDRESS",
	[-4] = "RPC_ABORTED",
	[-5] = "RPC_TRYAGAIN",
	[-6] = "RPC_COMBAD",
	[-7] = "RPC_REMOTERPC",
	[-8] = "RPC_BADPORT",
	[-9] = "RPC_UNSAFE",
	[-20] = "BC_FAIL",
	[-21] = "BC_ABORT",
	[-22] = "BC_TOOBIG",
	[-23] = "BC_BADPORT",
	[-24] = "BC_NOEXIST",
	[-25] = "BC_TOOMANY",
	[-28] = "BC_ILLRESET",
	[-41] = "FLIP_FAIL",
	[-42] = "FLIP_TIMEOUT",
	[-43] = "FLIP_NOPACKET",
	[-44] = "FLIP_UNKNOWN",
	[-45] = "FLIP_UNSAFE",
	[-1000] = "STD_CAPBAD",
	[-1001] = "STD_COMBAD",
	[-1002] = "STD_ARGBAD",
	[-1003] = "STD_NOTNOW",
	[-1004] = "STD_NOSPACE",
	[-1005] = "STD_DENIED",
	[-1006] = "STD_NOMEM",
	[-1007] = "STD_EXISTS",
	[-1008] = "STD_NOTFOUND",
	[-1009] = "STD_SYSERR",
	[-1010] = "STD_INTR",
	[-1011] = "STD_OVERFLOW",
	[-1012] = "STD_WRITEPROT",
	[-1013] = "STD_NOMEDIUM",
}
local COMMANDS = {
	[1000] = { name = "STD_MONITOR", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1001] = { name = "STD_AGE", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1002] = { name = "STD_COPY", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1003] = { name = "STD_DESTROY", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1004] = { name = "STD_INFO", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[1005] = { name = "STD_RESTRICT", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "capability" } },
	[1006] = { name = "STD_STATUS", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[1007] = { name = "STD_TOUCH", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1008] = { name = "STD_GETPARAMS", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1009] = { name = "STD_SETPARAMS", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[1010] = { name = "STD_NTOUCH", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2300] = { name = "PS_STUN", to = { process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2301] = { name = "PS_GETOWNER", to = { process = true }, request = { form = "opaque" }, reply = { form = "capability" } },
	[2302] = { name = "PS_SETOWNER", to = { process = true }, request = { form = "capability" }, reply = { form = "opaque" } },
	[2303] = { name = "PS_EXEC", to = { node = true }, request = { form = "cbor", type = "api.ExecRequest" }, reply = { form = "cbor", type = "api.ExecReply" } },
	[2304] = { name = "PS_GETDEF", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.Definition" } },
	[2305] = { name = "PS_GETLOAD", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.Load" } },
	[2308] = { name = "PS_CHECKPOINT", to = { service = true }, request = { form = "cbor", type = "api.CheckpointMessage" }, reply = { form = "opaque" } },
	[2309] = { name = "PS_GETCOMMENT", to = { process = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[2310] = { name = "PS_SETCOMMENT", to = { process = true }, request = { form = "text" }, reply = { form = "opaque" } },
	[2311] = { name = "PS_SWAPPROC", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2312] = { name = "PS_SGETLOAD", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.SLoad" } },
	[15000] = { name = "PS_LIST", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.ListReply" } },
	[15001] = { name = "PS_MIGRATE", to = { node = true }, request = { form = "cbor", type = "api.MigrateRequest" }, reply = { form = "cbor", type = "api.MigrateReply" } },
	[15028] = { name = "PS_EXPLAIN", to = { node = true }, request = { form = "cbor", type = "api.MigrateRequest" }, reply = { form = "cbor", type = "api.ExplainReply" } },
	[15002] = { name = "PS_PUTFILE", to = { node = true }, request = { form = "cbor", type = "api.PutFileRequest" }, reply = { form = "cbor", type = "api.PutFileReply" } },
	[15003] = { name = "PS_GROUP", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.GroupReply" } },
	[15004] = { name = "PS_NODES", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.NodesReply" } },
	[15005] = { name = "PS_RESOLVE", to = { node = true }, request = { form = "cbor", type = "api.ResolveRequest" }, reply = { form = "opaque" } },
	[15006] = { name = "PS_SIGNAL", to = { node = true, process = true }, request = { form = "cbor", type = "api.SignalRequest" }, reply = { form = "opaque" } },
	[15007] = { name = "PS_SHUT", to = { node = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15008] = { name = "PS_STATS", to = { node = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[15030] = { name = "PS_METRICS", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.MetricsReply" } },
	[15031] = { name = "PS_TRACE", to = { node = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.TraceReply" } },
	[15032] = { name = "PS_PROFILE", to = { node = true }, request = { form = "cbor", type = "api.ProfileRequest" }, reply = { form = "cbor", type = "api.ProfileReply" } },
	[15009] = { name = "PS_ECHO", to = { node = true }, request = { form = "cbor", type = "api.EchoRequest" }, reply = { form = "cbor", type = "api.EchoReply" } },
	[15020] = { name = "PS_INFO", to = { process = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.ProcessInfo" } },
	[15021] = { name = "PS_WAIT", to = { process = true }, request = { form = "opaque" }, reply = { form = "cbor", type = "api.WaitReply" } },
	[15022] = { name = "PS_READLOG", to = { process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15023] = { name = "PS_CHILD", to = { process = true }, request = { form = "cbor", type = "api.ChildEvent" }, reply = { form = "opaque" } },
	[15024] = { name = "PS_ORPHAN", to = { process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15025] = { name = "PS_RESUME", to = { process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15027] = { name = "PS_LEASE", to = { process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15029] = { name = "PS_JOIN", to = { process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15040] = { name = "MOVE_OFFER", to = { node = true }, request = { form = "cbor", type = "wire.Offer" }, reply = { form = "cbor", type = "wire.OfferReply" } },
	[15041] = { name = "MOVE_FILE", to = { node = true }, request = { form = "cbor", type = "wire.File" }, reply = { form = "opaque" } },
	[15042] = { name = "MOVE_PAGES", to = { node = true }, request = { form = "pages" }, reply = { form = "opaque" } },
	[15047] = { name = "MOVE_STATE", to = { node = true }, request = { form = "cbor", type = "wire.State" }, reply = { form = "opaque" } },
	[15043] = { name = "MOVE_PREPARE", to = { node = true }, request = { form = "cbor", type = "wire.Prepare" }, reply = { form = "cbor", type = "wire.Answer" } },
	[15044] = { name = "MOVE_COMMIT", to = { node = true }, request = { form = "cbor", type = "wire.Commit" }, reply = { form = "cbor", type = "wire.Answer" } },
	[15045] = { name = "MOVE_ABORT", to = { node = true }, request = { form = "cbor", type = "wire.Commit" }, reply = { form = "cbor", type = "wire.Answer" } },
	[15048] = { name = "MOVE_PULL", to = { node = true }, request = { form = "cbor", type = "wire.Pull" }, reply = { form = "pages" } },
	[15049] = { name = "MOVE_NEXT", to = { node = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15046] = { name = "MOVE_STATUS", to = { node = true }, request = { form = "cbor", type = "wire.Commit" }, reply = { form = "cbor", type = "wire.Answer" } },
	[4052] = { name = "FSQ_READ", to = { object = true }, request = { form = "who" }, reply = { form = "opaque" } },
	[4053] = { name = "FSQ_WRITE", to = { object = true }, request = { form = "who" }, reply = { form = "opaque" } },
	[15100] = { name = "OBJ_POLL", to = { object = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15101] = { name = "OBJ_CONTROL", to = { object = true }, request = { form = "who" }, reply = { form = "opaque" } },
	[15102] = { name = "OBJ_SEEK", to = { object = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15103] = { name = "OBJ_TRUNCATE", to = { object = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15104] = { name = "OBJ_STAT", to = { object = true }, request = { form = "opaque" }, reply = { form = "status" } },
	[15105] = { name = "OBJ_LOCK", to = { object = true }, request = { form = "who" }, reply = { form = "opaque" } },
	[15106] = { name = "OBJ_LOCKWAIT", to = { object = true }, request = { form = "who" }, reply = { form = "opaque" } },
	[15107] = { name = "OBJ_TIMER", to = { object = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15108] = { name = "OBJ_FLAGS", to = { object = true }, request = { form = "who" }, reply = { form = "opaque" } },
	[15060] = { name = "OBJ_ACQUIRE", to = { object = true }, request = { form = "cbor", type = "api.HolderRequest" }, reply = { form = "opaque" } },
	[15061] = { name = "OBJ_RELEASE", to = { object = true }, request = { form = "cbor", type = "api.HolderRequest" }, reply = { form = "opaque" } },
	[2001] = { name = "BULLET_CREATE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2002] = { name = "BULLET_DELETE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2003] = { name = "BULLET_FSCK", to = { service = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[2004] = { name = "BULLET_INSERT", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2005] = { name = "BULLET_MODIFY", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2006] = { name = "BULLET_READ", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2007] = { name = "BULLET_SIZE", to = { service = true, node = true, process = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2008] = { name = "BULLET_DISK_COMPACT", to = { service = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[2009] = { name = "BULLET_SYNC", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15219] = { name = "BULLET_TAGGED", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15218] = { name = "BULLET_NDESTROY", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2200] = { name = "DISK_INFO", to = { service = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[2201] = { name = "DISK_READ", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2202] = { name = "DISK_WRITE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2203] = { name = "DISK_SIZE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2204] = { name = "DISK_SYNC", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2205] = { name = "DISK_CLAIM", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2100] = { name = "SP_CREATE", to = { service = true }, request = { form = "soap" }, reply = { form = "opaque" } },
	[2101] = { name = "SP_DISCARD", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[2102] = { name = "SP_LIST", to = { service = true }, request = { form = "text" }, reply = { form = "soap" } },
	[2103] = { name = "SP_APPEND", to = { service = true }, request = { form = "soap" }, reply = { form = "opaque" } },
	[2104] = { name = "SP_CHMOD", to = { service = true }, request = { form = "soap" }, reply = { form = "opaque" } },
	[2105] = { name = "SP_DELETE", to = { service = true }, request = { form = "soap" }, reply = { form = "opaque" } },
	[2106] = { name = "SP_LOOKUP", to = { service = true }, request = { form = "text" }, reply = { form = "soap" } },
	[2107] = { name = "SP_SETLOOKUP", to = { service = true }, request = { form = "soap" }, reply = { form = "soap" } },
	[2108] = { name = "SP_INSTALL", to = { service = true }, request = { form = "soap" }, reply = { form = "opaque" } },
	[2110] = { name = "SP_REPLACE", to = { service = true }, request = { form = "soap" }, reply = { form = "opaque" } },
	[2111] = { name = "SP_GETMASKS", to = { service = true }, request = { form = "soap" }, reply = { form = "soap" } },
	[2112] = { name = "SP_GETSEQNR", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15220] = { name = "SP_WATCH", to = { service = true }, request = { form = "opaque" }, reply = { form = "soap" } },
	[15240] = { name = "FS_OPEN", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15241] = { name = "FS_STAT", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15242] = { name = "FS_MKDIR", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15243] = { name = "FS_UNLINK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15244] = { name = "FS_RMDIR", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15245] = { name = "FS_RENAME", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15246] = { name = "FS_LINK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15247] = { name = "FS_SYMLINK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15248] = { name = "FS_READLINK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15249] = { name = "FS_SET", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15250] = { name = "FS_READ", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15251] = { name = "FS_WRITE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15252] = { name = "FS_LIST", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15253] = { name = "FS_SYNC", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15254] = { name = "FS_HOLD", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15255] = { name = "FS_RELEASE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15257] = { name = "FS_SEEK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15258] = { name = "FS_SPACE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15259] = { name = "FS_LOCK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15260] = { name = "FS_UNLOCK", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15256] = { name = "FS_RECALL", to = { node = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15280] = { name = "NIC_DESCRIBE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15281] = { name = "NIC_SEND", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15282] = { name = "NIC_RECEIVE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15290] = { name = "SOCK_CREATE", to = { service = true }, request = { form = "opaque" }, reply = { form = "capability" } },
	[15291] = { name = "SOCK_WAIT", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15292] = { name = "SOCK_LIST", to = { service = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[15293] = { name = "SOCK_INTERFACES", to = { service = true }, request = { form = "opaque" }, reply = { form = "text" } },
	[15294] = { name = "SOCK_PAIR", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15300] = { name = "SOCK_RECV", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15301] = { name = "SOCK_SEND", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15302] = { name = "SOCK_POLL", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15303] = { name = "SOCK_BIND", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15304] = { name = "SOCK_LISTEN", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15305] = { name = "SOCK_ACCEPT", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15306] = { name = "SOCK_CONNECT", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15307] = { name = "SOCK_NAME", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15308] = { name = "SOCK_SHUTDOWN", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15309] = { name = "SOCK_SETOPTION", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15310] = { name = "SOCK_OPTION", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15311] = { name = "SOCK_READABLE", to = { service = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15080] = { name = "HOST_TIME", to = { host = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
	[15081] = { name = "HOST_FOREGROUND", to = { host = true }, request = { form = "opaque" }, reply = { form = "opaque" } },
}
local HELLO = { form = "cbor", type = "api.Load" }
local STRUCTS = {
	["api.CheckpointMessage"] = {
		[1] = { "PID", nil },
		[2] = { "Cap", nil },
		[3] = { "Code", nil },
		[4] = { "Signal", nil },
		[5] = { "Info", "api.ProcessInfo" },
		[6] = { "Image", nil },
		[7] = { "Snapshot", nil },
		[8] = { "Without", nil },
	},
	["api.ChildEvent"] = {
		[1] = { "PID", nil },
		[2] = { "PGID", nil },
		[3] = { "State", nil },
		[4] = { "Status", nil },
		[5] = { "UserNs", nil },
		[6] = { "SystemNs", nil },
		[7] = { "ExitSig", nil },
		[8] = { "Seq", nil },
	},
	["api.Definition"] = {
		[1] = { "PageLog2", nil },
		[2] = { "FirstPage", nil },
		[3] = { "LastPage", nil },
	},
	["api.EchoReply"] = {
		[1] = { "RoundNs", nil },
		[2] = { "TotalNs", nil },
		[3] = { "Dropped", nil },
	},
	["api.EchoRequest"] = {
		[1] = { "Station", nil },
		[2] = { "Rounds", nil },
		[3] = { "Window", nil },
		[4] = { "Size", nil },
		[5] = { "Fill", nil },
		[6] = { "FillSize", nil },
	},
	["api.ExecReply"] = {
		[1] = { "PID", nil },
		[2] = { "Errno", nil },
		[3] = { "Missing", nil },
		[4] = { "Refused", nil },
		[5] = { "Restart", "api.RestartReport" },
	},
	["api.ExecRequest"] = {
		[1] = { "Path", nil },
		[2] = { "Args", nil },
		[3] = { "Env", nil },
		[4] = { "Cwd", nil },
		[5] = { "Files", "api.FileRef" },
		[6] = { "Detached", nil },
		[7] = { "Terminal", nil },
		[8] = { "Comment", nil },
		[9] = { "Image", nil },
		[10] = { "Stdio", "api.FileRef" },
		[11] = { "ImageCap", nil },
		[12] = { "Lease", nil },
		[20] = { "Shake", nil },
	},
	["api.ExplainFile"] = {
		[1] = { "Path", nil },
		[2] = { "Size", nil },
	},
	["api.ExplainReply"] = {
		[1] = { "PID", nil },
		[2] = { "Node", nil },
		[3] = { "Target", nil },
		[4] = { "Elsewhere", nil },
		[5] = { "Error", nil },
		[6] = { "Processes", nil },
		[7] = { "Obstacles", "api.Obstacle" },
		[8] = { "More", nil },
		[9] = { "Report", "api.MoveReport" },
		[10] = { "Files", "api.ExplainFile" },
		[11] = { "Moves", nil },
	},
	["api.FileRef"] = {
		[1] = { "Address", nil },
		[2] = { "Path", nil },
		[3] = { "Flags", nil },
		[4] = { "Terminal", nil },
		[5] = { "Log", nil },
	},
	["api.GroupReply"] = {
		[1] = { "PIDs", nil },
		[2] = { "SID", nil },
	},
	["api.HolderRequest"] = {
		[1] = { "Node", nil },
		[2] = { "Boot", nil },
		[3] = { "Seq", nil },
		[4] = { "Unlock", "api.Unlock" },
	},
	["api.ListReply"] = {
		[1] = { "Node", nil },
		[2] = { "Processes", "api.ProcessInfo" },
	},
	["api.Load"] = {
		[1] = { "Node", nil },
		[2] = { "Boot", nil },
		[3] = { "UptimeMs", nil },
		[4] = { "Runnable", nil },
		[5] = { "LoadMilli", nil },
		[6] = { "Processes", nil },
		[7] = { "TotalKB", nil },
		[8] = { "FreeKB", nil },
		[9] = { "HeapKB", nil },
		[10] = { "WallNs", nil },
		[11] = { "Machine", nil },
		[12] = { "HeardMs", nil },
	},
	["api.Metric"] = {
		[1] = { "Name", nil },
		[2] = { "Kind", nil },
		[3] = { "Unit", nil },
		[4] = { "Help", nil },
		[5] = { "Label", nil },
		[6] = { "Values", "api.MetricValue" },
		[7] = { "Sum", nil },
	},
	["api.MetricValue"] = {
		[1] = { "Label", nil },
		[2] = { "Value", nil },
	},
	["api.MetricsReply"] = {
		[1] = { "Node", nil },
		[2] = { "Metrics", "api.Metric" },
	},
	["api.MigrateReply"] = {
		[1] = { "PID", nil },
		[2] = { "Node", nil },
		[3] = { "Error", nil },
		[4] = { "Elsewhere", nil },
		[5] = { "Report", "api.MoveReport" },
		[6] = { "Processes", nil },
	},
	["api.MigrateRequest"] = {
		[1] = { "PID", nil },
		[2] = { "Target", nil },
		[3] = { "Strategy", nil },
		[4] = { "Residual", nil },
		[5] = { "Cap", nil },
		[6] = { "Tree", nil },
		[7] = { "With", nil },
		[8] = { "MaxFreezeUs", nil },
		[9] = { "Rate", nil },
		[10] = { "Server", nil },
	},
	["api.MoveReport"] = {
		[1] = { "NegotiateUs", nil },
		[2] = { "PrecopyUs", nil },
		[3] = { "FreezeUs", nil },
		[4] = { "TransferUs", nil },
		[5] = { "CommitUs", nil },
		[6] = { "FirstRunUs", nil },
		[7] = { "TotalUs", nil },
		[8] = { "Bytes", nil },
		[9] = { "Pages", nil },
		[10] = { "FilePages", nil },
		[11] = { "ZeroPages", nil },
		[12] = { "StateBytes", nil },
		[13] = { "SharedPages", nil },
		[14] = { "Strategy", nil },
		[15] = { "Rounds", "api.MoveRound" },
		[16] = { "Resent", nil },
		[17] = { "Left", nil },
		[18] = { "LeftOn", nil },
		[19] = { "Note", nil },
		[20] = { "Server", nil },
	},
	["api.MoveRound"] = {
		[1] = { "Pages", nil },
		[2] = { "Us", nil },
		[3] = { "Dirty", nil },
	},
	["api.MoveTrace"] = {
		[1] = { "Boot", nil },
		[2] = { "Nr", nil },
		[3] = { "Out", nil },
		[4] = { "Peer", nil },
		[5] = { "PIDs", nil },
		[6] = { "Command", nil },
		[7] = { "Outcome", nil },
		[8] = { "Why", nil },
		[9] = { "BeganNs", nil },
		[10] = { "EndedNs", nil },
		[11] = { "Steps", "api.TraceStep" },
		[12] = { "Messages", "api.TraceMessage" },
		[13] = { "StepsLost", nil },
	},
	["api.NodesReply"] = {
		[1] = { "Nodes", "api.Load" },
	},
	["api.Obstacle"] = {
		[1] = { "PID", nil },
		[2] = { "Node", nil },
		[3] = { "What", nil },
		[4] = { "Why", nil },
	},
	["api.ProcessInfo"] = {
		[1] = { "PID", nil },
		[2] = { "Parent", nil },
		[3] = { "PGID", nil },
		[4] = { "SID", nil },
		[5] = { "Node", nil },
		[6] = { "Trail", nil },
		[7] = { "Threads", nil },
		[8] = { "SizeKB", nil },
		[9] = { "VirtKB", nil },
		[10] = { "State", nil },
		[11] = { "CPUms", nil },
		[12] = { "Command", nil },
		[13] = { "Moves", nil },
		[14] = { "Residuals", nil },
		[15] = { "Missing", nil },
		[16] = { "Comment", nil },
		[17] = { "AgeMs", nil },
		[18] = { "Detached", nil },
		[19] = { "Status", nil },
		[20] = { "Stun", nil },
		[21] = { "LeaseMs", nil },
		[30] = { "Shaken", nil },
	},
	["api.ProfileReply"] = {
		[1] = { "Samples", "api.ProfileSample" },
		[2] = { "Idle", nil },
		[3] = { "Dropped", nil },
		[4] = { "Commands", nil },
		[5] = { "Refused", nil },
	},
	["api.ProfileRequest"] = {
		[1] = { "Begin", nil },
		[2] = { "PeriodNs", nil },
		[3] = { "End", nil },
	},
	["api.ProfileSample"] = {
		[1] = { "PID", nil },
		[2] = { "Addresses", nil },
	},
	["api.PutFileReply"] = {
		[1] = { "Have", nil },
		[2] = { "Got", nil },
	},
	["api.PutFileRequest"] = {
		[1] = { "Digest", nil },
		[2] = { "Path", nil },
		[3] = { "Size", nil },
		[4] = { "Data", nil },
	},
	["api.ResolveRequest"] = {
		[1] = { "PID", nil },
		[2] = { "Resume", nil },
	},
	["api.RestartReport"] = {
		[1] = { "PullUs", nil },
		[2] = { "BuildUs", nil },
		[3] = { "TotalUs", nil },
		[4] = { "Pages", nil },
		[5] = { "Shared", nil },
		[6] = { "Bytes", nil },
	},
	["api.SLoad"] = {
		[1] = { "Load", "api.Load" },
		[2] = { "Exec", nil },
		[3] = { "ValidMs", nil },
	},
	["api.SignalRequest"] = {
		[1] = { "Signo", nil },
		[2] = { "Code", nil },
		[3] = { "PID", nil },
		[4] = { "Value", nil },
		[5] = { "TID", nil },
	},
	["api.TraceMessage"] = {
		[1] = { "Command", nil },
		[2] = { "Seq", nil },
		[3] = { "Bytes", nil },
		[4] = { "AtNs", nil },
		[5] = { "OverNs", nil },
	},
	["api.TraceReply"] = {
		[1] = { "Node", nil },
		[2] = { "Boot", nil },
		[3] = { "Moves", "api.MoveTrace" },
		[4] = { "NowNs", nil },
	},
	["api.TraceStep"] = {
		[1] = { "AtNs", nil },
		[2] = { "What", nil },
		[3] = { "Effect", nil },
		[4] = { "State", nil },
		[5] = { "Figures", nil },
	},
	["api.Unlock"] = {
		[1] = { "PID", nil },
		[2] = { "Upto", nil },
	},
	["api.WaitReply"] = {
		[1] = { "Status", nil },
		[2] = { "Moves", nil },
		[3] = { "Shaken", nil },
		[4] = { "Lost", nil },
	},
	["wire.Answer"] = {
		[1] = { "State", nil },
		[2] = { "Error", nil },
		[3] = { "Boot", nil },
		[4] = { "FirstRunUs", nil },
	},
	["wire.CPUID"] = {
		[1] = { "Leaf", nil },
		[2] = { "Regs", nil },
	},
	["wire.Commit"] = {
		[1] = { "Move", "wire.MoveID" },
		[2] = { "FrozenNs", nil },
		[3] = { "FrozeAt", nil },
	},
	["wire.File"] = {
		[1] = { "Move", "wire.MoveID" },
		[2] = { "Digest", nil },
		[3] = { "Path", nil },
		[4] = { "Size", nil },
		[5] = { "Data", nil },
		[6] = { "Off", nil },
	},
	["wire.FileOffer"] = {
		[1] = { "Digest", nil },
		[2] = { "Path", nil },
		[3] = { "Size", nil },
	},
	["wire.MoveID"] = {
		[1] = { "Boot", nil },
		[2] = { "Nr", nil },
	},
	["wire.Offer"] = {
		[1] = { "Move", "wire.MoveID" },
		[2] = { "Source", nil },
		[3] = { "PID", nil },
		[4] = { "Version", nil },
		[5] = { "CPU", "wire.CPUID" },
		[6] = { "Pages", nil },
		[7] = { "Files", "wire.FileOffer" },
		[8] = { "Dirs", nil },
		[9] = { "Command", nil },
		[10] = { "Uptime", nil },
		[11] = { "Others", nil },
		[12] = { "Ask", nil },
		[13] = { "Void", nil },
	},
	["wire.OfferReply"] = {
		[1] = { "Refused", nil },
		[2] = { "Boot", nil },
		[3] = { "Missing", nil },
		[4] = { "Reasons", nil },
	},
	["wire.Prepare"] = {
		[1] = { "Move", "wire.MoveID" },
		[2] = { "Image", nil },
		[3] = { "Messages", nil },
		[4] = { "Before", nil },
		[5] = { "File", nil },
		[6] = { "FileOn", nil },
	},
	["wire.Pull"] = {
		[1] = { "Move", "wire.MoveID" },
		[2] = { "Pages", nil },
	},
	["wire.State"] = {
		[1] = { "Move", "wire.MoveID" },
		[2] = { "Off", nil },
		[3] = { "Data", nil },
	},
}
-- END of it

local RPC_HEADER, ADDRESS = 24, 16
local PAGE, BLOCK, STREAM_HEAD, STREAM_TAG = 4096, 64, 24, 16
local HELLO_MAGIC = "hello1"
local IMAGE_MAGIC = "MOTILEIM"
local LOCATE, HEREIS, UNIDATA, MULTIDATA, NOTHERE, BUSY, ACK = 1, 2, 3, 4, 5, 7, 8
local RPC_LOCATE, RPC_HEREIS, RPC_REQUEST, RPC_REPLY, RPC_ACK, RPC_NAK, RPC_ENQUIRE, RPC_RECEIVED = 1, 2, 3, 4, 5, 6, 7, 9
local RPC_FORWARD, RPC_FAIL, RPC_PULL, RPC_PART = 10, 11, 12, 13
local GROUP_HEADER, GROUP_LOCATE, GROUP_HEREIS, GROUP_JOINREQ, GROUP_JOIN = 48, 0, 1, 2, 3
local GROUP_BCASTREQ, GROUP_BCAST, GROUP_VOTE, GROUP_RESULT = 6, 7, 13, 14
local KIND_DATA, KIND_JOIN = 1, 2
local ROLL_ENTRY = 42
local GROUP_KINDS = { [1] = "data", [2] = "join", [3] = "leave" }
local MOST_PULLED = 16 * 1024 * 1024
local NAK_REASONS = { [1] = "busy", [2] = "port not served", [3] = "request not received" }

local amflip = Proto("amflip", "Amoeba FLIP (Motile)")
local P = "amflip."
local F = {
	version = ProtoField.uint8(P .. "version", "Version"),
	type = ProtoField.uint8(P .. "type", "Type", base.DEC, FLIP_TYPES),
	flags = ProtoField.uint8(P .. "flags", "Flags", base.HEX),
	security = ProtoField.bool(P .. "flags.security", "Trusted networks only", 8, nil, 0x04),
	toobig = ProtoField.bool(P .. "flags.toobig", "Too long for a network", 8, nil, 0x08),
	unreachable = ProtoField.bool(P .. "flags.unreachable", "A router knows no way", 8, nil, 0x10),
	unsafe = ProtoField.bool(P .. "flags.unsafe", "Crossed an untrusted network", 8, nil, 0x20),
	edge = ProtoField.bool(P .. "flags.edge", "The edge of a LOCATE's ring", 8, nil, 0x80),
	ackme = ProtoField.bool(P .. "flags.ackme", "The sender waits for an answer", 8, nil, 0x40),
	proto = ProtoField.uint8(P .. "proto", "Protocol", base.DEC, PROTOS),
	act_hop = ProtoField.uint8(P .. "act_hop", "Actual hop count"),
	max_hop = ProtoField.uint8(P .. "max_hop", "Maximal hop count"),
	mtu = ProtoField.uint16(P .. "mtu", "Smallest MTU so far"),
	dst = ProtoField.bytes(P .. "dst", "Destination"),
	src = ProtoField.bytes(P .. "src", "Source"),
	messid = ProtoField.uint64(P .. "messid", "Message id", base.HEX),
	length = ProtoField.uint32(P .. "length", "Length"),
	offset = ProtoField.uint32(P .. "offset", "Offset"),
	total = ProtoField.uint32(P .. "total", "Total length"),
	epoch = ProtoField.uint32(P .. "epoch", "Epoch"),
	check = ProtoField.uint32(P .. "check", "Check", base.HEX),
	check_ok = ProtoField.bool(P .. "check.good", "Check is right"),
	payload = ProtoField.bytes(P .. "fragment", "Fragment"),
	padding = ProtoField.bytes(P .. "padding", "Padding"),
	again = ProtoField.bool(P .. "again", "Seen before"),
	lost = ProtoField.bool(P .. "lost", "Lost on the way to a port"),
	joined = ProtoField.uint32(P .. "joined", "Completes a message of so many fragments"),
	announcement = ProtoField.bool(P .. "announcement", "Announcement: here am I"),
	here_known = ProtoField.uint16(P .. "hereis.known", "Locations, or members of a group"),
	here_safe = ProtoField.uint16(P .. "hereis.safe", "Of those, safe ones"),
	here_box = ProtoField.uint64(P .. "hereis.box", "Box", base.HEX),
	ack_unit = ProtoField.uint32(P .. "ack.unit", "Length of a fragment"),
	ack_bitmap = ProtoField.bytes(P .. "ack.bitmap", "Fragments that have arrived beyond"),
	move = ProtoField.string(P .. "move", "Migration"),
	undecoded = ProtoField.string(P .. "undecoded", "Not decoded"),

	rpc_type = ProtoField.uint8(P .. "rpc.type", "RPC type", base.DEC, RPC_TYPES),
	rpc_flags = ProtoField.uint8(P .. "rpc.flags", "Flags", base.HEX),
	rpc_retrans = ProtoField.bool(P .. "rpc.flags.retrans", "Sent before", 8, nil, 0x02),
	rpc_sigtrans = ProtoField.bool(P .. "rpc.flags.sigtrans", "The client was signalled", 8, nil, 0x10),
	rpc_arg = ProtoField.uint16(P .. "rpc.arg", "Argument"),
	rpc_slot = ProtoField.uint32(P .. "rpc.slot", "Slot"),
	rpc_tid = ProtoField.uint64(P .. "rpc.tid", "Transaction"),
	rpc_age = ProtoField.uint32(P .. "rpc.age", "Age in ms"),
	rpc_size = ProtoField.uint32(P .. "rpc.size", "Size of the data to be pulled"),
	pull_offset = ProtoField.uint32(P .. "rpc.pull.offset", "Offset"),
	pull_length = ProtoField.uint32(P .. "rpc.pull.length", "Length"),
	pull_part = ProtoField.uint32(P .. "rpc.pull.part", "Length of a part"),
	rpc_port = ProtoField.bytes(P .. "rpc.port", "Port"),
	rpc_endpoint = ProtoField.bytes(P .. "rpc.endpoint", "Endpoint"),

	port = ProtoField.bytes(P .. "header.port", "Port"),
	object = ProtoField.uint64(P .. "header.object", "Object"),
	rights = ProtoField.uint32(P .. "header.rights", "Rights", base.HEX),
	check_field = ProtoField.bytes(P .. "header.check", "Check field"),
	command = ProtoField.uint32(P .. "header.command", "Command"),
	status = ProtoField.int32(P .. "header.status", "Status", base.DEC, STATUSES),
	h_offset = ProtoField.int64(P .. "header.offset", "Offset"),
	size = ProtoField.uint32(P .. "header.size", "Size"),
	extra = ProtoField.uint32(P .. "header.extra", "Extra"),
	command_name = ProtoField.string(P .. "command", "Command"),

	g_type = ProtoField.uint8(P .. "group.type", "Group message", base.DEC, GROUP_TYPES),
	g_flags = ProtoField.uint8(P .. "group.flags", "Flags", base.HEX),
	g_accept = ProtoField.bool(P .. "group.flags.accept", "The data went by another way", 8, nil, 0x01),
	g_ask = ProtoField.bool(P .. "group.flags.ask", "Answer with STATE", 8, nil, 0x02),
	g_go = ProtoField.bool(P .. "group.flags.go", "Send again", 8, nil, 0x04),
	g_out = ProtoField.bool(P .. "group.flags.out", "The view goes on without you", 8, nil, 0x08),
	g_index = ProtoField.uint16(P .. "group.index", "Member that speaks"),
	g_origin = ProtoField.uint16(P .. "group.origin", "Member whose message it is"),
	g_kind = ProtoField.uint8(P .. "group.kind", "Kind", base.DEC, GROUP_KINDS),
	g_zero = ProtoField.uint8(P .. "group.zero", "Zero"),
	g_view = ProtoField.uint64(P .. "group.view", "View", base.HEX),
	g_seqno = ProtoField.uint64(P .. "group.seqno", "Sequence number"),
	g_messid = ProtoField.uint64(P .. "group.messid", "Message at its origin"),
	g_got = ProtoField.uint64(P .. "group.got", "Got"),
	g_taken = ProtoField.uint64(P .. "group.taken", "Taken"),
	g_proof = ProtoField.bytes(P .. "group.proof", "Proof of knowing the port"),
	g_address = ProtoField.bytes(P .. "group.address", "Address"),
	g_server = ProtoField.bytes(P .. "group.server", "Address of its RPC"),
	g_group = ProtoField.bytes(P .. "group.group", "Address of the group"),
	g_resilience = ProtoField.uint16(P .. "group.resilience", "Resilience"),
	g_max = ProtoField.uint16(P .. "group.maxgroup", "Members at most"),
	g_lognbuf = ProtoField.uint8(P .. "group.lognbuf", "Log2 of the history's messages"),
	g_logmaxmess = ProtoField.uint8(P .. "group.logmaxmess", "Log2 of a message's bytes at most"),
	g_large = ProtoField.uint32(P .. "group.large", "Length from which BB is used"),
	g_applied = ProtoField.uint64(P .. "group.applied", "Table is as after message"),
	g_sequencer = ProtoField.uint16(P .. "group.sequencer", "Sequencer"),
	g_count = ProtoField.uint16(P .. "group.members", "Number of members"),
	g_member = ProtoField.uint16(P .. "group.member", "Member"),
	g_last = ProtoField.uint64(P .. "group.member.last", "Its last ordered message"),

	data = ProtoField.bytes(P .. "data", "Data"),
	text = ProtoField.string(P .. "text", "Text"),
	value = ProtoField.string(P .. "value", "Value"),
	record = ProtoField.string(P .. "image.record", "Record of the image"),
	hello_tag = ProtoField.bytes(P .. "hello.tag", "Tag"),
	move_boot = ProtoField.uint64(P .. "pages.boot", "Boot of the source", base.HEX),
	move_nr = ProtoField.uint64(P .. "pages.nr", "Number of the move"),
	pages_seq = ProtoField.uint32(P .. "pages.seq", "Sequence number"),
	pages_count = ProtoField.uint16(P .. "pages.count", "Words"),
	pages_round = ProtoField.uint16(P .. "pages.round", "Round of precopying, 0: frozen"),
	pages_word = ProtoField.uint64(P .. "pages.word", "Page", base.HEX),
	pages_data = ProtoField.bytes(P .. "pages.data", "Contents"),
	pages_tag = ProtoField.bytes(P .. "pages.tag", "SipHash-128"),
	who_pid = ProtoField.int32(P .. "who.pid", "Process"),
	who_pgid = ProtoField.int32(P .. "who.pgid", "Process group"),
	who_sid = ProtoField.int32(P .. "who.sid", "Session"),
	who_nottou = ProtoField.bool(P .. "who.nottou", "No SIGTTOU"),
	st_mode = ProtoField.uint32(P .. "stat.mode", "Mode", base.OCT),
	st_rdev = ProtoField.uint64(P .. "stat.rdev", "Device"),
	st_size = ProtoField.int64(P .. "stat.size", "Size"),
	st_ino = ProtoField.uint64(P .. "stat.ino", "Inode"),
}
for _, f in pairs(F) do
	amflip.fields[#amflip.fields + 1] = f
end

local E = {
	damaged = ProtoExpert.new(P .. "damaged", "The check is wrong: the frame is damaged", expert.group.CHECKSUM, expert.severity.ERROR),
	undecoded = ProtoExpert.new(P .. "undecoded.expert", "Not decoded", expert.group.MALFORMED, expert.severity.ERROR),
	move = ProtoExpert.new(P .. "move.expert", "A process moves", expert.group.SEQUENCE, expert.severity.NOTE),
}
amflip.experts = { E.damaged, E.undecoded, E.move }

local eth_dst, eth_src, interface = Field.new("eth.dst"), Field.new("eth.src"), Field.new("frame.interface_name")

-- What later frames need of earlier ones. All of it is found in the first pass; results
-- are kept by the number of their frame, for frames are looked at in any order later.
local joins, finished, results, asked, nodes, moves, move_list, places, notes
function amflip.init()
	joins, finished, results, asked, nodes = {}, {}, {}, {}, {}
	moves, move_list, places, notes = {}, {}, {}, {}
end

-- undecoded marks a frame that is not wholly understood.
local function undecoded(tree, range, why)
	tree:add(F.undecoded, range, why):set_generated()
	tree:add_proto_expert_info(E.undecoded, why)
end

-- CRC-32C, over the Ethernet header, the FLIP header and the first 128 bytes after it.
local crc_table = {}
for i = 0, 255 do
	local c = i
	for _ = 1, 8 do
		if bit.band(c, 1) ~= 0 then
			c = bit.bxor(bit.rshift(c, 1), 0x82f63b78)
		else
			c = bit.rshift(c, 1)
		end
	end
	crc_table[i] = c
end

local function crc32c(s)
	local c = bit.bnot(0)
	for i = 1, #s do
		c = bit.bxor(bit.rshift(c, 8), crc_table[bit.band(bit.bxor(c, s:byte(i)), 0xff)])
	end
	return bit.bnot(c)
end

local function checked(tvb, length)
	local dst, src = eth_dst(), eth_src()
	if not dst or not src then
		return nil -- not on an Ethernet
	end
	local front = dst.range:raw() .. src.range:raw() .. string.char(bit.rshift(ETHERTYPE, 8), bit.band(ETHERTYPE, 0xff))
	local sum = crc32c(front .. tvb(0, HEADER - 4):raw() .. tvb(HEADER, math.min(length, 128)):raw())
	return bit.tobit(tvb(HEADER - 4, 4):uint()) == bit.tobit(sum)
end

-- node_of is the number of the node whose card has a hardware address, or nil.
local function node_of(field)
	local mac = field.range:bytes()
	if mac:get_index(0) == 0x52 and mac:get_index(1) == 0x54 and mac:get_index(2) == 0 then
		return mac:get_index(4) * 256 + mac:get_index(5)
	end
end

-- short names an address: as a node, or by its first bytes.
local function short(raw)
	if nodes[raw] then
		return "node " .. nodes[raw]
	end
	if raw == string.rep("\0", ADDRESS) then
		return "everybody"
	end
	return string.format("%02x%02x%02x%02x", raw:byte(1, 4))
end

-- --- CBOR (RFC 8949), as far as the kernel uses it: what image.Marshal makes --------

local MAJOR_UINT, MAJOR_NEG, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP, MAJOR_OTHER = 0, 1, 2, 3, 4, 5, 7

-- cbor_head returns major type, argument (a number, or UInt64 if it has 8 bytes), and
-- where the item goes on; nil if it is not there.
local function cbor_head(tvb, at)
	if at >= tvb:len() then
		return nil
	end
	local first = tvb(at, 1):uint()
	local major, info = bit.rshift(first, 5), bit.band(first, 31)
	if info < 24 then
		return major, info, at + 1
	end
	local n = ({ [24] = 1, [25] = 2, [26] = 4, [27] = 8 })[info]
	if not n or at + 1 + n > tvb:len() then
		return nil
	end
	if n == 8 then
		return major, tvb(at + 1, 8):uint64(), at + 9
	end
	return major, tvb(at + 1, n):uint(), at + 1 + n
end

-- cbor adds the item at a place to the tree, under a name, and returns where the next
-- one begins (nil if it is malformed) and its value: a number or text, or a table by key.
local function cbor(tvb, at, tree, name, typ)
	local start = at
	local major, arg
	major, arg, at = cbor_head(tvb, at)
	if not major then
		return nil
	end
	local function leaf(value)
		tree:add(F.value, tvb(start, at - start), name .. ": " .. tostring(value))
		return at, value
	end
	if major == MAJOR_UINT then
		return leaf(arg)
	elseif major == MAJOR_NEG then
		return leaf(type(arg) == "number" and -1 - arg or "-1-" .. tostring(arg))
	elseif major == MAJOR_OTHER then
		return leaf(({ [20] = "false", [21] = "true", [22] = "none" })[arg] or tostring(arg))
	end
	if type(arg) ~= "number" or (major < MAJOR_ARRAY and at + arg > tvb:len()) then
		return nil
	end
	if major == MAJOR_TEXT then
		local s = arg > 0 and tvb(at, arg):string() or ""
		at = at + arg
		return leaf(s)
	elseif major == MAJOR_BYTES then
		local from = at
		at = at + arg
		tree:add(F.value, tvb(start, at - start), name .. ": " .. arg .. " bytes")
		return at, { from = from, length = arg }
	end
	local branch = tree:add(F.value, tvb(start), name)
	local value = {}
	for i = 1, arg do
		local key = i
		local called, inner = name .. "[" .. (i - 1) .. "]", typ
		if major == MAJOR_MAP then
			local key_major
			key_major, key, at = cbor_head(tvb, at)
			if key_major ~= MAJOR_UINT or type(key) ~= "number" then
				return nil
			end
			local field = typ and STRUCTS[typ] and STRUCTS[typ][key]
			called, inner = field and field[1] or "field " .. key, field and field[2]
			key = called
		elseif major ~= MAJOR_ARRAY then
			return nil
		end
		at, value[key] = cbor(tvb, at, branch, called, inner)
		if not at then
			return nil
		end
	end
	branch:set_len(at - start)
	return at, value
end

-- --- moves: what becomes of processes that change their node -------------------------

local function note(pinfo, m, text)
	local what = m.pid and m.pid ~= 0 and "pid " .. m.pid or "move " .. m.nr
	notes[pinfo.number] = (notes[pinfo.number] and notes[pinfo.number] .. "; " or "") ..
		string.format("%s n%s→n%s: %s", what, m.source or "?", m.target or "?", text)
end

local function move_of(id, pinfo)
	local key = tostring(id.Boot) .. "/" .. tostring(id.Nr)
	if not moves[key] then
		moves[key] = { nr = tostring(id.Nr), source = node_of(eth_src()), target = node_of(eth_dst()), addresses = {} }
		table.insert(move_list, moves[key])
	end
	return moves[key]
end

-- once reports whether something happens to a move for the first time.
local function once(m, what, pinfo)
	if m[what] then
		return false
	end
	m[what] = pinfo.abs_ts
	return true
end

local function ms(m, from, pinfo)
	return m[from] and string.format("%.3f ms", (pinfo.abs_ts - m[from]) * 1000) or "an unknown time"
end

local function move_request(pinfo, name, v)
	if not v or not v.Move then
		return nil
	end
	local m = move_of(v.Move, pinfo)
	if name == "MOVE_OFFER" then
		m.pid, m.source = v.PID, v.Source
		if once(m, "offered", pinfo) then
			note(pinfo, m, "offered")
		end
	elseif name == "MOVE_PAGES" and v.Round == 0 and once(m, "frozen", pinfo) then
		note(pinfo, m, "frozen, the pages follow")
	elseif name == "MOVE_PREPARE" and once(m, "prepared", pinfo) then
		note(pinfo, m, "prepare, transfer took " .. ms(m, "frozen", pinfo))
	elseif name == "MOVE_COMMIT" and once(m, "commit", pinfo) then
		note(pinfo, m, "commit, after " .. ms(m, "frozen", pinfo) .. " of standing still")
	elseif name == "MOVE_ABORT" and once(m, "over", pinfo) then
		note(pinfo, m, "abort")
	else
		note(pinfo, m, name)
	end
	return m
end

local function move_reply(pinfo, m, name, v)
	if type(v) == "table" and v.Refused and v.Refused ~= "" then
		m.over = pinfo.abs_ts
		note(pinfo, m, "refused: " .. v.Refused)
	elseif name == "MOVE_OFFER" and once(m, "accepted", pinfo) then
		note(pinfo, m, "accepted")
	elseif type(v) == "table" and v.State == "ready" and once(m, "ready", pinfo) then
		note(pinfo, m, "ready, after " .. ms(m, "prepared", pinfo))
	elseif type(v) == "table" and v.State == "committed" and once(m, "over", pinfo) then
		note(pinfo, m, "committed, " .. ms(m, "offered", pinfo) .. " since the offer")
	else
		note(pinfo, m, name .. " answered")
	end
end

-- follow looks at who speaks from where: BUSY about what is frozen, and announcements
-- with a raised epoch.
local function follow(pinfo, typ, src, epoch, announces)
	local at = node_of(eth_src())
	if not at or typ == NOTHERE then
		return
	end
	if typ == BUSY then
		for i = #move_list, 1, -1 do
			local m = move_list[i]
			if m.source == at and m.frozen and not m.over then
				note(pinfo, m, "BUSY about " .. short(src))
				return
			end
		end
		return
	end
	local was = places[src] or -1
	if epoch > was then
		places[src] = epoch
	end
	for i = #move_list, math.max(1, #move_list - 15), -1 do
		local m = move_list[i]
		if m.target == at and m.commit then
			if announces and epoch > math.max(was, 0) and not m.addresses[src] then
				m.addresses[src] = true
				note(pinfo, m, short(src) .. " announces itself, epoch " .. epoch)
				return
			elseif not announces and m.addresses[src] and once(m, "resumed", pinfo) then
				note(pinfo, m, "first frame from the new place, " .. ms(m, "frozen", pinfo) .. " after the freeze")
				return
			end
		end
	end
end

-- --- data of requests and replies ------------------------------------------------------

local forms = {}

function forms.opaque(tvb, tree)
	tree:add(F.data, tvb())
	return true
end

function forms.text(tvb, tree)
	tree:add(F.text, tvb())
	return true
end

-- Two formats may lie here: ours of 44 bytes, or what a program's server says.
function forms.capability(tvb, tree)
	if tvb:len() ~= 44 then
		return forms.opaque(tvb, tree)
	end
	tree:add(F.port, tvb(0, 16))
	tree:add(F.object, tvb(16, 8))
	tree:add(F.rights, tvb(24, 4))
	tree:add(F.check_field, tvb(28, 16))
	return true
end

function forms.cbor(tvb, tree, typ)
	local at, value = cbor(tvb, 0, tree, typ, typ)
	if at ~= tvb:len() then
		return false
	end
	if typ == "wire.Prepare" and value.Image then
		local image = value.Image
		if not forms.image(tvb(image.from, image.length):tvb(), tree) then
			return false
		end
	end
	return true, value
end

-- image shows what records an image has.
function forms.image(tvb, tree)
	if tvb:len() < 12 or tvb(0, 8):string() ~= IMAGE_MAGIC then
		return false
	end
	local at = 12
	while at + 8 <= tvb:len() do
		local typ, length = tvb(at, 2):uint(), tvb(at + 4, 4):uint()
		if typ == 0 then
			return true
		end
		if at + 8 + length > tvb:len() then
			return false
		end
		tree:add(F.record, tvb(at, 8 + length), (RECORDS[typ] or "type " .. typ) .. ", " .. length .. " bytes")
		at = at + 8 + length
	end
	return false
end

function forms.pages(tvb, tree)
	if tvb:len() < STREAM_HEAD + STREAM_TAG then
		return false
	end
	local n, round = tvb(20, 2):le_uint(), tvb(22, 2):le_uint()
	if tvb:len() < STREAM_HEAD + n * 8 + STREAM_TAG then
		return false
	end
	-- Bits 0 to 3 of a word say how many follow that belong to it, and how much of a page it has.
	local size, i = 0, 0
	while i < n do
		local bits = tvb(STREAM_HEAD + 8 * i, 1):uint()
		local kind, sparse = bits % 4, bits % 8 >= 4
		i = i + 1
		if kind < 2 and not sparse then
			size = size + PAGE
		elseif i == n then
			return false
		elseif kind < 2 then -- sparse
			for k = 0, 7 do
				local blocks = tvb(STREAM_HEAD + 8 * i + k, 1):uint()
				while blocks > 0 do
					size = size + blocks % 2 * BLOCK
					blocks = math.floor(blocks / 2)
				end
			end
			i = i + (bits % 16 >= 8 and 2 or 1)
			if i > n then
				return false
			end
		elseif kind == 3 and tvb(STREAM_HEAD + 8 * i, 1):uint() == 3 then
			i = i + 2
		else
			i = i + 1
		end
	end
	if tvb:len() ~= STREAM_HEAD + n * 8 + size + STREAM_TAG then
		return false
	end
	tree:add_le(F.move_boot, tvb(0, 8))
	tree:add_le(F.move_nr, tvb(8, 8))
	tree:add_le(F.pages_seq, tvb(16, 4))
	tree:add_le(F.pages_count, tvb(20, 2))
	tree:add_le(F.pages_round, tvb(22, 2))
	for i = 0, n - 1 do
		tree:add_le(F.pages_word, tvb(STREAM_HEAD + 8 * i, 8))
	end
	if size > 0 then
		tree:add(F.pages_data, tvb(STREAM_HEAD + 8 * n, size))
	end
	tree:add(F.pages_tag, tvb(tvb:len() - STREAM_TAG))
	return true, { Move = { Boot = tvb(0, 8):le_uint64(), Nr = tvb(8, 8):le_uint64() }, Round = round }
end

function forms.who(tvb, tree)
	if tvb:len() < WHO then
		return false
	end
	tree:add(F.who_pid, tvb(0, 4))
	tree:add(F.who_pgid, tvb(4, 4))
	tree:add(F.who_sid, tvb(8, 4))
	tree:add(F.who_nottou, tvb(12, 1))
	if tvb:len() > WHO then
		tree:add(F.data, tvb(WHO))
	end
	return true
end

function forms.status(tvb, tree)
	if tvb:len() ~= FILE_STATUS then
		return false
	end
	tree:add(F.st_mode, tvb(0, 4))
	tree:add(F.st_rdev, tvb(4, 8))
	tree:add(F.st_size, tvb(12, 8))
	tree:add(F.st_ino, tvb(20, 8))
	return true
end

-- --- RPC ---------------------------------------------------------------------------------

local NULL = string.rep("\0", 16)

-- class_of says whose command a request has. A node is known once it has said hello;
-- before that, and for processes, what the capability looks like has to do.
local function class_of(dst, port, object, check, command)
	local c = COMMANDS[command]
	if nodes[dst] then
		return "node"
	elseif port == NULL then
		return c and c.to.host and "host" or "object"
	elseif not c or check == NULL then
		return "service"
	elseif c.to.node and object == UInt64(0) then
		return "node"
	elseif c.to.process and object > UInt64(1000000) and object < UInt64(501000000) then
		return "process"
	end
	return "service"
end

-- header adds the 64 bytes at the front of a request or reply.
local function header(tvb, tree, is_reply)
	tree:add(F.port, tvb(0, 16))
	tree:add(F.object, tvb(16, 8))
	tree:add(F.rights, tvb(24, 4))
	tree:add(F.check_field, tvb(28, 16))
	tree:add(is_reply and F.status or F.command, tvb(44, 4))
	tree:add(F.h_offset, tvb(48, 8))
	tree:add(F.size, tvb(56, 4))
	tree:add(F.extra, tvb(60, 4))
end

-- body decodes the data of a request or reply. Whose form is not sure may be
-- a program's own, and then it is data.
local function body(tvb, tree, form, sure)
	if tvb:len() == 0 and (form == nil or form.form ~= "cbor") then
		return nil
	end
	local ok, value
	if form and tvb:len() > 0 then
		local branch = tree:add(F.data, tvb())
		ok, value = forms[form.form](tvb, branch, form.type)
	end
	if ok then
		return value
	end
	if form and sure and form.form ~= "opaque" then
		undecoded(tree, tvb:len() > 0 and tvb() or nil, "the data are not what they should be")
	elseif tvb:len() > 0 then
		tree:add(F.data, tvb())
	end
end

local part -- below, where fragments are put together

local function request_data(data, pinfo, tree, q, learn)
	local c = q.command
	local v = body(data, tree, c and c.request, q.class ~= "service")
	if learn and c and c.name:sub(1, 5) == "MOVE_" then
		q.move = move_request(pinfo, c.name, v)
	end
end

local function reply_data(data, pinfo, tree, q, status, learn)
	local c = q and q.command
	local form = c and (status == 0 or data:len() > 0) and c.reply or nil
	local v = body(data, tree, form, q and q.class ~= "service")
	if learn and q and q.move then
		move_reply(pinfo, q.move, q.name, v)
	end
end

-- expect makes ready for the parts of data that is pulled, if it is not so long that
-- it must be a program's.
local function expect(q, whose, size, learn)
	if learn and not q[whose] and size <= MOST_PULLED then
		q[whose] = { total = size, got = 0, parts = {} }
	end
end

local function rpc(tvb, pinfo, tree, dst, src, whole, learn)
	if tvb:len() < RPC_HEADER then
		undecoded(tree, tvb(), "too short for RPC")
		return "RPC?"
	end
	local typ, slot, tid = tvb(0, 1):uint(), tvb(4, 4):uint(), tvb(8, 8):uint64()
	local branch = tree:add(tvb(), "RPC " .. (RPC_TYPES[typ] or typ))
	branch:add(F.rpc_type, tvb(0, 1))
	local flags = branch:add(F.rpc_flags, tvb(1, 1))
	flags:add(F.rpc_retrans, tvb(1, 1))
	flags:add(F.rpc_sigtrans, tvb(1, 1))
	branch:add(F.rpc_arg, tvb(2, 2))
	branch:add(F.rpc_slot, tvb(4, 4))
	branch:add(F.rpc_tid, tvb(8, 8))
	branch:add(F.rpc_age, tvb(16, 4))
	branch:add(F.rpc_size, tvb(20, 4))
	local rest = tvb:len() - RPC_HEADER
	local info = RPC_TYPES[typ] or "?"
	if not RPC_TYPES[typ] then
		undecoded(branch, tvb(0, 1), "an unknown type of RPC message")
		return info
	end
	if typ == RPC_LOCATE or typ == RPC_HEREIS then
		local want = typ == RPC_LOCATE and 16 or 32
		if rest ~= want then
			undecoded(branch, tvb(), "a wrong length")
			return info
		end
		branch:add(F.rpc_port, tvb(24, 16))
		if typ == RPC_HEREIS then
			branch:add(F.rpc_endpoint, tvb(40, 16))
		end
		return info .. " port " .. tostring(tvb(24, 4):bytes()):lower()
	end
	local arg, size = tvb(2, 2):uint(), tvb(20, 4):uint()
	info = info .. " " .. slot .. "/" .. tostring(tid)
	local by_client = typ == RPC_REQUEST or typ == RPC_ACK or typ == RPC_ENQUIRE or typ == RPC_RECEIVED or
		(typ == RPC_PULL and arg == RPC_REPLY) or ((typ == RPC_PART or typ == RPC_FAIL) and arg == RPC_REQUEST)
	local client = by_client and src or dst
	local key = client .. slot .. "/" .. tostring(tid)
	if typ ~= RPC_REQUEST and typ ~= RPC_REPLY then
		local q = asked[key]
		if q then
			branch:add(F.command_name, q.name):set_generated()
			info = info .. " (" .. q.name .. ")"
		end
		if typ == RPC_FORWARD and rest == 32 then
			branch:add(F.rpc_port, tvb(24, 16))
			branch:add(F.rpc_endpoint, tvb(40, 16))
			return info .. " to " .. short(tvb(40, 16):raw())
		end
		if (typ == RPC_PULL and rest == 12) or (typ == RPC_PART and rest >= STD_HEADER) then
			branch:add(F.pull_offset, tvb(24, 4))
			branch:add(F.pull_length, tvb(28, 4))
			branch:add(F.pull_part, tvb(32, 4))
			info = info .. " of the " .. (arg == RPC_REPLY and "reply " or "request ") .. tvb(24, 4):uint() .. "+" .. tvb(28, 4):uint()
			if typ == RPC_PART then
				part(tvb, pinfo, branch, q, arg, whole, learn)
			end
			return info
		end
		if rest ~= 0 then
			undecoded(branch, tvb(), "a wrong length")
		end
		if typ == RPC_NAK then
			info = info .. " " .. (NAK_REASONS[arg] or "?")
		end
		return info
	end
	if rest < STD_HEADER then
		undecoded(branch, tvb(), "a wrong length")
		return info
	end
	local head = tvb(RPC_HEADER, STD_HEADER):tvb()
	local data = tvb:len() > RPC_HEADER + STD_HEADER and tvb(RPC_HEADER + STD_HEADER):tvb() or ByteArray.new():tvb("nothing")
	header(head, branch, typ == RPC_REPLY)
	if typ == RPC_REQUEST then
		local number = head(44, 4):uint()
		local class = class_of(dst, head(0, 16):raw(), head(16, 8):uint64(), head(28, 16):raw(), number)
		local c = COMMANDS[number]
		if c and not c.to[class] then
			c = nil
		end
		local q = asked[key] or {}
		q.name, q.command, q.class = c and c.name or "command " .. number, c, class
		asked[key] = q
		branch:add(F.command_name, q.name):set_generated()
		if size > 0 then
			expect(q, RPC_REQUEST, size, learn)
			return info .. " " .. q.name .. " and " .. size .. " bytes"
		elseif whole then
			request_data(data, pinfo, branch, q, learn)
		end
		return info .. " " .. q.name
	end
	local status = head(44, 4):int()
	info = info .. " " .. (STATUSES[status] or tostring(status))
	local q = asked[key]
	if q then
		branch:add(F.command_name, q.name):set_generated()
		info = info .. " (" .. q.name .. ")"
	end
	if size > 0 then
		if q then
			q.status = status
			expect(q, RPC_REPLY, size, learn)
		end
		return info .. " and " .. size .. " bytes"
	elseif whole then
		reply_data(data, pinfo, branch, q, status, learn)
	end
	return info
end

-- --- ordered groups -------------------------------------------------------------------

-- roll adds a list of members, and reports whether it is one.
local function roll(tvb, tree)
	if tvb:len() < 12 or tvb:len() ~= 12 + ROLL_ENTRY * tvb(10, 2):uint() then
		return false
	end
	tree:add(F.g_applied, tvb(0, 8))
	tree:add(F.g_sequencer, tvb(8, 2))
	tree:add(F.g_count, tvb(10, 2))
	for at = 12, tvb:len() - ROLL_ENTRY, ROLL_ENTRY do
		local member = tree:add(F.g_member, tvb(at, 2))
		member:add(F.g_address, tvb(at + 2, 16))
		member:add(F.g_server, tvb(at + 18, 16))
		member:add(F.g_last, tvb(at + 34, 8))
	end
	return true
end

local function charter(tvb, tree)
	if tvb:len() < 28 then
		return false
	end
	tree:add(F.g_group, tvb(0, 16))
	tree:add(F.g_index, tvb(16, 2))
	tree:add(F.g_resilience, tvb(18, 2))
	tree:add(F.g_max, tvb(20, 2))
	tree:add(F.g_lognbuf, tvb(22, 1))
	tree:add(F.g_logmaxmess, tvb(23, 1))
	tree:add(F.g_large, tvb(24, 4))
	return tvb:len() > 28 and roll(tvb(28):tvb(), tree)
end

-- group_body adds what is behind the header, and reports whether it is what the type
-- has there.
local function group_body(tvb, tree, typ, flags, kind, seqno)
	local ordered = typ == GROUP_BCAST or typ == GROUP_BCASTREQ
	if not tvb then
		return not (typ == GROUP_LOCATE or typ == GROUP_JOINREQ or typ == GROUP_HEREIS or typ == GROUP_RESULT or typ == GROUP_VOTE or
			(typ == GROUP_JOIN and seqno == UInt64(0)) or (ordered and bit.band(flags, 1) == 0 and kind <= KIND_JOIN))
	elseif typ == GROUP_LOCATE or (typ == GROUP_JOINREQ and tvb:len() == 32) then
		tree:add(F.g_proof, tvb(0, 16))
		if typ == GROUP_JOINREQ then
			tree:add(F.g_server, tvb(16, 16))
		end
		return typ == GROUP_JOINREQ or tvb:len() == 16
	elseif typ == GROUP_HEREIS or (ordered and kind == KIND_JOIN and tvb:len() == 32) then
		tree:add(F.g_address, tvb(0, 16))
		if ordered then
			tree:add(F.g_server, tvb(16, 16))
		end
		return ordered or tvb:len() == 16
	elseif typ == GROUP_JOIN or typ == GROUP_RESULT then
		return charter(tvb, tree)
	elseif typ == GROUP_VOTE then
		return roll(tvb, tree)
	elseif ordered and kind == KIND_DATA and bit.band(flags, 1) == 0 and tvb:len() >= STD_HEADER then
		header(tvb(0, STD_HEADER):tvb(), tree, false)
		if tvb:len() > STD_HEADER then
			tree:add(F.data, tvb(STD_HEADER))
		end
		return true
	end
	return false
end

local function group(tvb, tree, whole)
	if tvb:len() < GROUP_HEADER or not GROUP_TYPES[tvb(0, 1):uint()] then
		undecoded(tree, tvb(), "not a message of a group")
		return "group?"
	end
	local typ, flag_bits, kind, seqno = tvb(0, 1):uint(), tvb(1, 1):uint(), tvb(6, 1):uint(), tvb(16, 8):uint64()
	local branch = tree:add(tvb(), "Group " .. GROUP_TYPES[typ])
	branch:add(F.g_type, tvb(0, 1))
	local flags = branch:add(F.g_flags, tvb(1, 1))
	flags:add(F.g_accept, tvb(1, 1))
	flags:add(F.g_ask, tvb(1, 1))
	flags:add(F.g_go, tvb(1, 1))
	flags:add(F.g_out, tvb(1, 1))
	branch:add(F.g_index, tvb(2, 2))
	branch:add(F.g_origin, tvb(4, 2))
	branch:add(F.g_kind, tvb(6, 1))
	branch:add(F.g_zero, tvb(7, 1))
	branch:add(F.g_view, tvb(8, 8))
	branch:add(F.g_seqno, tvb(16, 8))
	branch:add(F.g_messid, tvb(24, 8))
	branch:add(F.g_got, tvb(32, 8))
	branch:add(F.g_taken, tvb(40, 8))
	local rest = tvb:len() > GROUP_HEADER and tvb(GROUP_HEADER):tvb() or nil
	if whole and not group_body(rest, branch, typ, flag_bits, kind, seqno) then
		undecoded(branch, tvb(), "the body is not what it should be")
	end
	return "group " .. GROUP_TYPES[typ] .. " of member " .. tvb(2, 2):uint() .. ", seqno " .. tostring(seqno)
end

-- --- raw messages ----------------------------------------------------------------------

local function raw(tvb, tree, dst, src, whole, learn)
	if dst ~= NULL or tvb:len() < #HELLO_MAGIC + 16 or tvb(0, #HELLO_MAGIC):string() ~= HELLO_MAGIC then
		tree:add(F.data, tvb())
		return "raw, " .. tvb:len() .. " bytes"
	end
	tree:add(F.hello_tag, tvb(#HELLO_MAGIC, 16))
	if not whole then
		return "HELLO"
	end
	local load = tvb(#HELLO_MAGIC + 16):tvb()
	local ok, value = forms.cbor(load, tree, HELLO.type)
	if not ok then
		undecoded(tree, tvb(), "a hello that is none")
		return "HELLO"
	end
	if learn and type(value.Node) == "number" then
		nodes[src] = value.Node
	end
	return "HELLO of node " .. tostring(value.Node)
end

-- --- fragments -------------------------------------------------------------------------

-- assemble returns the message if the fragments cover it.
local function assemble(j)
	local list = {}
	for offset, part in pairs(j.parts) do
		list[#list + 1] = { offset, part }
	end
	table.sort(list, function(a, b) return a[1] < b[1] end)
	local at, pieces = 0, {}
	for _, p in ipairs(list) do
		if p[1] > at then
			return nil
		end
		if p[1] + #p[2] > at then
			pieces[#pieces + 1] = p[2]:sub(at - p[1] + 1)
			at = p[1] + #p[2]
		end
	end
	return at == j.total and table.concat(pieces) or nil, #list
end

-- part takes a piece of data that is pulled. The last that was missing brings all.
function part(tvb, pinfo, tree, q, whose, whole, learn)
	local at = RPC_HEADER + STD_HEADER
	local r = results[pinfo.number]
	if tvb:len() > at then
		tree:add(F.data, tvb(at))
	end
	local p = q and q[whose]
	if learn and whole and p and r and tvb:len() > at and not p.parts[tvb(24, 4):uint()] then
		p.parts[tvb(24, 4):uint()] = tvb(at):raw()
		p.got = p.got + tvb:len() - at
		if p.got >= p.total then
			r.pulled = assemble(p)
		end
	end
	if r and r.pulled then
		local data = ByteArray.new(r.pulled, true):tvb("Pulled data")
		if whose == RPC_REQUEST then
			request_data(data, pinfo, tree, q, learn)
		else
			reply_data(data, pinfo, tree, q, q.status, learn)
		end
	end
end

-- join takes a fragment in the first pass. What comes of it is kept for the frame.
local function join(pinfo, key, offset, total, part)
	local r = {}
	results[pinfo.number] = r
	if finished[key] then
		r.again = true
		return
	end
	if #part == total then
		finished[key] = true
		return
	end
	local j = joins[key]
	if not j or j.total ~= total then
		j = { total = total, got = 0, parts = {} }
		joins[key] = j
	end
	local had = j.parts[offset]
	if had and #had >= #part then
		r.again = true
		return
	end
	j.parts[offset] = part
	j.got = j.got + #part - (had and #had or 0)
	if j.got >= total then
		r.message, r.fragments = assemble(j)
		if r.message then
			joins[key], finished[key] = nil, true
		end
	end
end

-- message decodes what a fragment begins, or the message that it completes.
local function message(tvb, pinfo, tree, proto, dst, src, whole, learn)
	if proto == 1 then
		return rpc(tvb, pinfo, tree, dst, src, whole, learn)
	elseif proto == 2 then
		return group(tvb, tree, whole)
	elseif proto == 3 then
		return raw(tvb, tree, dst, src, whole, learn)
	end
	undecoded(tree, tvb(), "protocol " .. proto .. " is not known")
	return "protocol " .. proto
end

local function data(tvb, pinfo, tree, h)
	local r = results[pinfo.number] or {}
	if h.length > 0 and h.length < h.total then
		tree:add(F.payload, tvb(HEADER, h.length))
	end
	if r.again then
		tree:add(F.again, true):set_generated()
	end
	local learn = not pinfo.visited and not h.lost
	local whole, info = nil, ""
	if h.length == h.total then
		whole = h.length > 0 and tvb(HEADER, h.length):tvb() or nil
	elseif r.message then
		tree:add(F.joined, r.fragments):set_generated()
		whole = ByteArray.new(r.message, true):tvb("FLIP message")
		info = "[whole, " .. h.total .. " bytes] "
	elseif h.offset == 0 then
		return "[0+" .. h.length .. " of " .. h.total .. "] " ..
			message(tvb(HEADER, h.length):tvb(), pinfo, tree, h.proto, h.dst, h.src, false, learn)
	end
	if whole then
		return info .. message(whole, pinfo, tree, h.proto, h.dst, h.src, true, learn)
	end
	return string.format("[%d+%d of %d]", h.offset, h.length, h.total)
end

local function ack(tvb, tree, h)
	if h.offset == h.total then
		return "all has arrived"
	end
	if h.length < 4 then
		undecoded(tree, tvb(0, HEADER), "an ACK that does not fit any message")
		return "?"
	end
	tree:add(F.ack_unit, tvb(HEADER, 4))
	if h.length > 4 then
		tree:add(F.ack_bitmap, tvb(HEADER + 4, h.length - 4))
	end
	return h.offset .. " of " .. h.total
end

local function hereis(tvb, tree, h)
	if h.length ~= 4 and h.length ~= 12 then
		undecoded(tree, tvb(), "a HEREIS of a wrong length")
		return "?"
	end
	tree:add(F.here_known, tvb(HEADER, 2))
	tree:add(F.here_safe, tvb(HEADER + 2, 2))
	if h.length == 12 then
		tree:add(F.here_box, tvb(HEADER + 4, 8))
	end
	return "epoch " .. h.epoch
end

function amflip.dissector(tvb, pinfo, root)
	pinfo.cols.protocol = "AMFLIP"
	local tree = root:add(amflip, tvb())
	if tvb:len() < HEADER or tvb(0, 1):uint() ~= VERSION then
		undecoded(tree, tvb(), "too short, or of another version")
		return tvb:len()
	end
	local h = {
		typ = tvb(1, 1):uint(), proto = tvb(3, 1):uint(), dst = tvb(8, 16):raw(), src = tvb(24, 16):raw(),
		length = tvb(48, 4):uint(), offset = tvb(52, 4):uint(), total = tvb(56, 4):uint(), epoch = tvb(60, 4):uint(),
	}
	local port = interface()
	h.lost = port ~= nil and tostring(port.value):match("[^/]*$") == "dropped"
	tree:add(F.version, tvb(0, 1))
	tree:add(F.type, tvb(1, 1))
	local flags = tree:add(F.flags, tvb(2, 1))
	flags:add(F.security, tvb(2, 1))
	flags:add(F.toobig, tvb(2, 1))
	flags:add(F.unreachable, tvb(2, 1))
	flags:add(F.unsafe, tvb(2, 1))
	flags:add(F.ackme, tvb(2, 1))
	flags:add(F.edge, tvb(2, 1))
	tree:add(F.proto, tvb(3, 1))
	tree:add(F.act_hop, tvb(4, 1))
	tree:add(F.max_hop, tvb(5, 1))
	tree:add(F.mtu, tvb(6, 2))
	tree:add(F.dst, tvb(8, 16))
	tree:add(F.src, tvb(24, 16))
	tree:add(F.messid, tvb(40, 8))
	tree:add(F.length, tvb(48, 4))
	tree:add(F.offset, tvb(52, 4))
	tree:add(F.total, tvb(56, 4))
	tree:add(F.epoch, tvb(60, 4))
	local check = tree:add(F.check, tvb(64, 4))
	if not FLIP_TYPES[h.typ] or HEADER + h.length > tvb:len() or
		((h.typ == UNIDATA or h.typ == MULTIDATA) and (h.offset + h.length > h.total or (h.length == 0 and h.total ~= 0))) then
		undecoded(tree, tvb(), "a header that no box sends")
		return tvb:len()
	end
	local good = checked(tvb, h.length)
	if good ~= nil then
		check:add(F.check_ok, good):set_generated()
	end
	if good == false then
		check:add_proto_expert_info(E.damaged)
		undecoded(tree, tvb(), "the frame is damaged")
		return tvb:len()
	end
	if HEADER + h.length < tvb:len() then
		tree:add(F.padding, tvb(HEADER + h.length))
	end
	if h.lost then
		tree:add(F.lost, true):set_generated()
	end

	local announces = h.typ == LOCATE and h.src == h.dst
	if not pinfo.visited and not h.lost then
		follow(pinfo, h.typ, h.src, h.epoch, announces)
		if h.typ == UNIDATA or h.typ == MULTIDATA then
			join(pinfo, h.typ .. h.src .. tvb(40, 8):raw(), h.offset, h.total, h.length > 0 and tvb(HEADER, h.length):raw() or "")
		end
	end
	local info
	if h.typ == UNIDATA or h.typ == MULTIDATA then
		info = data(tvb, pinfo, tree, h)
	elseif h.typ == ACK then
		info = ack(tvb, tree, h)
	elseif h.typ == HEREIS then
		info = hereis(tvb, tree, h)
	elseif announces then
		tree:add(F.announcement, true):set_generated()
		info = "here am I, epoch " .. h.epoch
	else
		info = "epoch " .. h.epoch
	end
	local said = notes[pinfo.number]
	if said then
		local item = tree:add(F.move, said)
		item:set_generated()
		item:add_proto_expert_info(E.move, said)
		info = info .. "  # " .. said
	end
	pinfo.cols.info = string.format("%s %s > %s %s%s", FLIP_TYPES[h.typ], short(h.src), short(h.dst), info, h.lost and " (lost)" or "")
	return tvb:len()
end

DissectorTable.get("ethertype"):add(ETHERTYPE, amflip)
