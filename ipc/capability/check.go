package capability

// A Secret is what a service keeps beside each object to check capabilities
// against. Changing it revokes every capability of the object at once.
type Secret [Size]byte

// NewSecret draws a secret from an unpredictable source.
func NewSecret(random func() uint64) Secret {
	return Secret(draw(random))
}

// Owner returns the capability that carries every right to the object. Its
// check is the secret itself, which is why its holder can restrict it without
// asking the service.
func Owner(port Port, object uint64, secret Secret) Capability {
	return Capability{Port: port, Object: object, Rights: AllRights, Check: secret}
}

// Restrict returns a capability for those rights of c that mask also has. It
// works on owner capabilities only, and says so: to weaken a restricted one the
// service must be asked (STD_RESTRICT), since only it has the secret.
func Restrict(c Capability, mask Rights) (Capability, bool) {
	if c.Rights != AllRights {
		return Capability{}, false
	}
	return restrict(c.Port, c.Object, Secret(c.Check), mask), true
}

// Derive is what the service does for STD_RESTRICT: it returns a capability for
// those rights of c that mask also has. The caller has verified c.
func Derive(c Capability, secret Secret, mask Rights) Capability {
	return restrict(c.Port, c.Object, secret, c.Rights&mask)
}

// Verify reports whether c was granted for the object whose secret is given.
// The service looks the secret up by c.Object; c.Port is hashed as it stands,
// since a request for another port would not have reached the service.
func Verify(c Capability, secret Secret) bool {
	want := restrict(c.Port, c.Object, secret, c.Rights)
	return equal(&c.Check, &want.Check)
}

// restrict makes the capability for exactly these rights.
func restrict(port Port, object uint64, secret Secret, rights Rights) Capability {
	c := Owner(port, object, secret)
	if rights == AllRights {
		return c
	}
	var scope [8 + 4]byte
	putUint64(scope[:8], object)
	scope[8], scope[9], scope[10], scope[11] =
		byte(rights>>24), byte(rights>>16), byte(rights>>8), byte(rights)
	c.Rights = rights
	c.Check = OneWay("rights", port[:], scope[:8], scope[8:], secret[:])
	return c
}
