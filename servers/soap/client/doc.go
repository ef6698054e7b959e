// Package client asks directory servers: names for capabilities.
//
//	c := client.New(lib.Trans, key.ServiceCap("soap", 0))
//	set, err := c.Lookup("/server/bullet")
//	err = c.Append("/home/me", client.Cap(mine))
//
// Errors are *Error, and errors.Is knows their std.Status: NotFound, Exists, Denied,
// SoapClash, SoapNotEmpty. An update whose outcome is unknown is repeated under its number,
// so that it is carried out once; so are requests while no server answers, or too few
// replicas are there, for Patience.
package client
