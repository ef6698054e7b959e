package dissect

import (
	"motile/ipc/fileio"
	"motile/ipc/filesys"
	"motile/ipc/nicio"
	"motile/ipc/sockio"
	"motile/ipc/std"
	"motile/migrate/wire"
	"motile/proc/api"
)

// A Form is how the data of a request or reply are laid out.
type Form uint8

const (
	Opaque     Form = iota // anything
	CBOR                   // an encoded value of the type of Sample
	Text                   //
	Capability             // 44 bytes, or none
	PageStream             // wire.Pages
	Who                    // fileio.Who, and what is to be written
	FileStatus             // fileio.Status
	Soap                   // what directories are asked and answer, of the type of Sample
)

func (f Form) String() string {
	return [...]string{"opaque", "cbor", "text", "capability", "pages", "who", "status", "soap"}[f]
}

// Data describes the data of a request or reply.
type Data struct {
	Form   Form
	Sample any // of CBOR and Soap: a value of the type
}

// Command is a command of the kernel's servers.
type Command struct {
	Number         uint32
	Name           string
	Request, Reply Data
	to             []class
}

var (
	opaque       = Data{}
	asText       = Data{Form: Text}
	asCapability = Data{Form: Capability}
)

func of(sample any) Data { return Data{CBOR, sample} }

func soap(sample any) Data { return Data{Soap, sample} }

var (
	anybody    = []class{service, node, process}
	toNode     = []class{node}
	toProcess  = []class{process}
	toEither   = []class{node, process}
	toObject   = []class{object}
	toHost     = []class{host}
	ownersOnly = []class{service}
	toService  = []class{service}
)

// Commands lists them. Names are Amoeba's where it has the command.
var Commands = []Command{
	{std.Monitor, "STD_MONITOR", opaque, opaque, anybody},
	{std.Age, "STD_AGE", opaque, opaque, anybody},
	{std.Copy, "STD_COPY", opaque, opaque, anybody},
	{std.Destroy, "STD_DESTROY", opaque, opaque, anybody},
	{std.Info, "STD_INFO", opaque, asText, anybody},
	{std.Restrict, "STD_RESTRICT", opaque, asCapability, anybody},
	{std.Stat, "STD_STATUS", opaque, asText, anybody},
	{std.Touch, "STD_TOUCH", opaque, opaque, anybody},
	{std.GetParams, "STD_GETPARAMS", opaque, opaque, anybody},
	{std.SetParams, "STD_SETPARAMS", opaque, opaque, anybody},
	{std.NTouch, "STD_NTOUCH", opaque, opaque, anybody},

	{api.Stun, "PS_STUN", opaque, opaque, toProcess},
	{api.GetOwner, "PS_GETOWNER", opaque, asCapability, toProcess},
	{api.SetOwner, "PS_SETOWNER", asCapability, opaque, toProcess},
	{api.Exec, "PS_EXEC", of(api.ExecRequest{}), of(api.ExecReply{}), toNode},
	{api.GetDef, "PS_GETDEF", opaque, of(api.Definition{}), toNode},
	{api.GetLoad, "PS_GETLOAD", opaque, of(api.Load{}), toNode},
	{api.Checkpoint, "PS_CHECKPOINT", of(api.CheckpointMessage{}), opaque, ownersOnly},
	{api.GetComment, "PS_GETCOMMENT", opaque, asText, toProcess},
	{api.SetComment, "PS_SETCOMMENT", asText, opaque, toProcess},
	{api.SwapProc, "PS_SWAPPROC", opaque, opaque, ownersOnly},
	{api.SGetLoad, "PS_SGETLOAD", opaque, of(api.SLoad{}), toNode},

	{api.List, "PS_LIST", opaque, of(api.ListReply{}), toNode},
	{api.Migrate, "PS_MIGRATE", of(api.MigrateRequest{}), of(api.MigrateReply{}), toNode},
	{api.Explain, "PS_EXPLAIN", of(api.MigrateRequest{}), of(api.ExplainReply{}), toNode},
	{api.PutFile, "PS_PUTFILE", of(api.PutFileRequest{}), of(api.PutFileReply{}), toNode},
	{api.Group, "PS_GROUP", opaque, of(api.GroupReply{}), toNode},
	{api.Nodes, "PS_NODES", opaque, of(api.NodesReply{}), toNode},
	{api.Resolve, "PS_RESOLVE", of(api.ResolveRequest{}), opaque, toNode},
	{api.Signal, "PS_SIGNAL", of(api.SignalRequest{}), opaque, toEither},
	{api.Shut, "PS_SHUT", opaque, opaque, toNode},
	{api.Stats, "PS_STATS", opaque, asText, toNode},
	{api.Metrics, "PS_METRICS", opaque, of(api.MetricsReply{}), toNode},
	{api.Trace, "PS_TRACE", opaque, of(api.TraceReply{}), toNode},
	{api.Profile, "PS_PROFILE", of(api.ProfileRequest{}), of(api.ProfileReply{}), toNode},
	{api.Echo, "PS_ECHO", of(api.EchoRequest{}), of(api.EchoReply{}), toNode},

	{api.Info, "PS_INFO", opaque, of(api.ProcessInfo{}), toProcess},
	{api.Wait, "PS_WAIT", opaque, of(api.WaitReply{}), toProcess},
	{api.ReadLog, "PS_READLOG", opaque, opaque, toProcess},
	{api.Child, "PS_CHILD", of(api.ChildEvent{}), opaque, toProcess},
	{api.Orphan, "PS_ORPHAN", opaque, opaque, toProcess},
	{api.Resume, "PS_RESUME", opaque, opaque, toProcess},
	{api.Lease, "PS_LEASE", opaque, opaque, toProcess},
	{api.Join, "PS_JOIN", opaque, opaque, toProcess},

	{api.MoveOffer, "MOVE_OFFER", of(wire.Offer{}), of(wire.OfferReply{}), toNode},
	{api.MoveFile, "MOVE_FILE", of(wire.File{}), opaque, toNode},
	{api.MovePages, "MOVE_PAGES", Data{Form: PageStream}, opaque, toNode},
	{api.MoveState, "MOVE_STATE", of(wire.State{}), opaque, toNode},
	{api.MovePrepare, "MOVE_PREPARE", of(wire.Prepare{}), of(wire.Answer{}), toNode},
	{api.MoveCommit, "MOVE_COMMIT", of(wire.Commit{}), of(wire.Answer{}), toNode},
	{api.MoveAbort, "MOVE_ABORT", of(wire.Commit{}), of(wire.Answer{}), toNode},
	{api.MovePull, "MOVE_PULL", of(wire.Pull{}), Data{Form: PageStream}, toNode},
	{api.MoveNext, "MOVE_NEXT", opaque, opaque, toNode},
	{api.MoveStatus, "MOVE_STATUS", of(wire.Commit{}), of(wire.Answer{}), toNode},

	{fileio.Read, "FSQ_READ", Data{Form: Who}, opaque, toObject},
	{fileio.Write, "FSQ_WRITE", Data{Form: Who}, opaque, toObject},
	{fileio.Poll, "OBJ_POLL", opaque, opaque, toObject},
	{fileio.Control, "OBJ_CONTROL", Data{Form: Who}, opaque, toObject},
	{fileio.Seek, "OBJ_SEEK", opaque, opaque, toObject},
	{fileio.Truncate, "OBJ_TRUNCATE", opaque, opaque, toObject},
	{fileio.Stat, "OBJ_STAT", opaque, Data{Form: FileStatus}, toObject},
	{fileio.Lock, "OBJ_LOCK", Data{Form: Who}, opaque, toObject},
	{fileio.LockWait, "OBJ_LOCKWAIT", Data{Form: Who}, opaque, toObject},
	{fileio.Timer, "OBJ_TIMER", opaque, opaque, toObject},
	{fileio.Flags, "OBJ_FLAGS", Data{Form: Who}, opaque, toObject},
	{api.ObjectAcquire, "OBJ_ACQUIRE", of(api.HolderRequest{}), opaque, toObject},
	{api.ObjectRelease, "OBJ_RELEASE", of(api.HolderRequest{}), opaque, toObject},

	{std.BulletCreate, "BULLET_CREATE", opaque, opaque, toService},
	{std.BulletDelete, "BULLET_DELETE", opaque, opaque, toService},
	{std.BulletFsck, "BULLET_FSCK", opaque, asText, toService},
	{std.BulletInsert, "BULLET_INSERT", opaque, opaque, toService},
	{std.BulletModify, "BULLET_MODIFY", opaque, opaque, toService},
	{std.BulletRead, "BULLET_READ", opaque, opaque, anybody}, // of segments too
	{std.BulletSize, "BULLET_SIZE", opaque, opaque, anybody},
	{std.BulletCompact, "BULLET_DISK_COMPACT", opaque, asText, toService},
	{std.BulletSync, "BULLET_SYNC", opaque, opaque, toService},
	{std.BulletTagged, "BULLET_TAGGED", opaque, opaque, toService},
	{std.BulletNDestroy, "BULLET_NDESTROY", opaque, opaque, toService},

	{std.DiskInfo, "DISK_INFO", opaque, asText, toService},
	{std.DiskRead, "DISK_READ", opaque, opaque, toService},
	{std.DiskWrite, "DISK_WRITE", opaque, opaque, toService},
	{std.DiskSize, "DISK_SIZE", opaque, opaque, toService},
	{std.DiskSync, "DISK_SYNC", opaque, opaque, toService},
	{std.DiskClaim, "DISK_CLAIM", opaque, opaque, toService},

	{std.SoapCreate, "SP_CREATE", soap([]string{}), opaque, toService},
	{std.SoapDiscard, "SP_DISCARD", opaque, opaque, toService},
	{std.SoapList, "SP_LIST", asText, soap(std.SoapListing{}), toService},
	{std.SoapAppend, "SP_APPEND", soap(std.SoapRow{}), opaque, toService},
	{std.SoapChmod, "SP_CHMOD", soap(std.SoapRow{}), opaque, toService},
	{std.SoapDelete, "SP_DELETE", soap(std.SoapRow{}), opaque, toService},
	{std.SoapLookup, "SP_LOOKUP", asText, soap(std.SoapFound{}), toService},
	{std.SoapSetLookup, "SP_SETLOOKUP", soap([]std.SoapEntry{}), soap([]std.SoapFound{}), toService},
	{std.SoapInstall, "SP_INSTALL", soap([]std.SoapChange{}), opaque, toService},
	{std.SoapReplace, "SP_REPLACE", soap(std.SoapRow{}), opaque, toService},
	{std.SoapGetMasks, "SP_GETMASKS", soap(std.SoapRow{}), soap(std.SoapRow{}), toService},
	{std.SoapGetSeqNr, "SP_GETSEQNR", opaque, opaque, toService},
	{std.SoapWatch, "SP_WATCH", opaque, soap([]uint64{}), toService},

	{filesys.Open, "FS_OPEN", opaque, opaque, toService},
	{filesys.Stat, "FS_STAT", opaque, opaque, toService},
	{filesys.Mkdir, "FS_MKDIR", opaque, opaque, toService},
	{filesys.Unlink, "FS_UNLINK", opaque, opaque, toService},
	{filesys.Rmdir, "FS_RMDIR", opaque, opaque, toService},
	{filesys.Rename, "FS_RENAME", opaque, opaque, toService},
	{filesys.Link, "FS_LINK", opaque, opaque, toService},
	{filesys.Symlink, "FS_SYMLINK", opaque, opaque, toService},
	{filesys.Readlink, "FS_READLINK", opaque, opaque, toService},
	{filesys.Set, "FS_SET", opaque, opaque, toService},
	{filesys.Read, "FS_READ", opaque, opaque, toService},
	{filesys.Write, "FS_WRITE", opaque, opaque, toService},
	{filesys.List, "FS_LIST", opaque, opaque, toService},
	{filesys.Sync, "FS_SYNC", opaque, opaque, toService},
	{filesys.Hold, "FS_HOLD", opaque, opaque, toService},
	{filesys.Release, "FS_RELEASE", opaque, opaque, toService},
	{filesys.Seek, "FS_SEEK", opaque, opaque, toService},
	{filesys.Space, "FS_SPACE", opaque, opaque, toService},
	{filesys.Lock, "FS_LOCK", opaque, opaque, toService},
	{filesys.Unlock, "FS_UNLOCK", opaque, opaque, toService},
	{filesys.Recall, "FS_RECALL", opaque, opaque, toNode},

	{nicio.Describe, "NIC_DESCRIBE", opaque, opaque, toService},
	{nicio.Send, "NIC_SEND", opaque, opaque, toService},
	{nicio.Receive, "NIC_RECEIVE", opaque, opaque, toService},
	{sockio.Create, "SOCK_CREATE", opaque, asCapability, toService},
	{sockio.Wait, "SOCK_WAIT", opaque, opaque, toService},
	{sockio.List, "SOCK_LIST", opaque, asText, toService},
	{sockio.Interfaces, "SOCK_INTERFACES", opaque, asText, toService},
	{sockio.Pair, "SOCK_PAIR", opaque, opaque, toService},
	{sockio.Recv, "SOCK_RECV", opaque, opaque, toService},
	{sockio.Send, "SOCK_SEND", opaque, opaque, toService},
	{sockio.Poll, "SOCK_POLL", opaque, opaque, toService},
	{sockio.Bind, "SOCK_BIND", opaque, opaque, toService},
	{sockio.Listen, "SOCK_LISTEN", opaque, opaque, toService},
	{sockio.Accept, "SOCK_ACCEPT", opaque, opaque, toService},
	{sockio.Connect, "SOCK_CONNECT", opaque, opaque, toService},
	{sockio.Name, "SOCK_NAME", opaque, opaque, toService},
	{sockio.Shutdown, "SOCK_SHUTDOWN", opaque, opaque, toService},
	{sockio.SetOption, "SOCK_SETOPTION", opaque, opaque, toService},
	{sockio.Option, "SOCK_OPTION", opaque, opaque, toService},
	{sockio.Readable, "SOCK_READABLE", opaque, opaque, toService},

	{api.HostTime, "HOST_TIME", opaque, opaque, toHost},
	{api.HostForeground, "HOST_FOREGROUND", opaque, opaque, toHost},
}

// Hello is what a hello has behind its tag.
var Hello = of(api.Load{})

// Classes are what the command may be sent to.
func (c *Command) Classes() (names []string) {
	for _, k := range c.to {
		names = append(names, k.String())
	}
	return names
}

var byNumber = func() (m [numClasses]map[uint32]*Command) {
	for c := range m {
		m[c] = make(map[uint32]*Command)
	}
	for i := range Commands {
		for _, c := range Commands[i].to {
			m[c][Commands[i].Number] = &Commands[i]
		}
	}
	return m
}()
