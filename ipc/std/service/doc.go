// Package service is what all servers have in common: they check the capability of
// a request, and answer Amoeba's standard commands. The kernel's servers use it, and
// those of user programs (package servers/lib), so the answers are the same.
//
// A Service has a hook for each standard command that makes sense for the server's
// objects. A command without a hook is one that the server does not know:
//
//	command         right    hook             without it
//	std_info        Needs    Info             STD_COMBAD
//	std_status      Needs    Status           STD_COMBAD
//	std_restrict    none     -                always there
//	std_touch       Needs    Touch            STD_COMBAD
//	std_ntouch      of each  Touch            STD_COMBAD
//	std_age         Needs    Age              STD_COMBAD
//	std_destroy     Needs    Destroy          STD_COMBAD
//	std_copy        Needs    Copy             STD_COMBAD
//	std_getparams   Needs    Params           STD_COMBAD
//	std_setparams   Needs    Params           STD_COMBAD
//	std_monitor                               STD_COMBAD
//
// A capability that does not fit its object, or is for an object that does not exist,
// gets STD_CAPBAD; one that lacks a right STD_DENIED; both are counted. A capability
// is checked before the command is looked at: who has none learns nothing, not even
// which commands there are.
//
// Store keeps objects that expire when nobody touches them.
package service
