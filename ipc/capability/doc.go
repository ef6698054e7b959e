// Package capability names services and objects by unforgeable numbers.
//
// A server chooses a secret get-port G and listens on it. Its clients know only
// the put-port P = OneWay("port", G): whoever holds P can send to the service
// but cannot pose as it. An object of the service is named by a Capability:
//
//	port    16 bytes   put-port of the service
//	object   8 bytes   number chosen by the service
//	rights   4 bytes   what the holder may do, one bit each
//	check   16 bytes   proof that the service granted these rights
//
// The owner capability carries the object's secret itself as its check and has
// every right. A restricted one carries OneWay("rights", port, object, rights,
// secret), so a holder can neither add a right nor recover the secret.
//
// Differences from Amoeba 5. Fields are 16/8/4/16 bytes instead of 6/3/1/6 and
// big-endian throughout. The one-way function is SHA3-256 cut to 128 bits, with
// a domain name in front, so that a value made for one purpose never serves
// another; Amoeba used a modified DES. The check covers port and object too:
// Amoeba's covers only rights and secret, so two objects that happened to share
// a secret shared their capabilities.
//
// Nothing here draws random numbers: whoever makes a port or an owner
// capability passes them in.
package capability
