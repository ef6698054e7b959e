package capability

import "testing"

func TestCache_SaysWhatVerifySays(t *testing.T) {
	random := counter()
	secret, other := NewSecret(random), NewSecret(random)
	owner := Owner(NewPort(random), 7, secret)
	weak, _ := Restrict(owner, PSRRead|PSRKill)
	var ca Cache
	for i := range 3 {
		if !ca.Verify(owner, secret) || !ca.Verify(weak, secret) {
			t.Fatal("a good one is refused")
		}
		if want := uint64(i); ca.Hits != want {
			t.Errorf("%d hits, want %d", ca.Hits, want)
		}
	}
	if ca.Misses != 1 {
		t.Errorf("%d misses", ca.Misses)
	}
	for name, change := range map[string]func(c *Capability){
		"check":  func(c *Capability) { c.Check[15] ^= 1 },
		"rights": func(c *Capability) { c.Rights |= PSRMigrate },
		"all":    func(c *Capability) { c.Rights = AllRights },
		"object": func(c *Capability) { c.Object++ },
		"port":   func(c *Capability) { c.Port[0] ^= 1 },
	} {
		c := weak
		change(&c)
		for range 2 {
			if ca.Verify(c, secret) {
				t.Errorf("another %s is taken", name)
			}
		}
	}
	if ca.Verify(weak, other) || ca.Verify(owner, other) {
		t.Error("taken although the secret was changed")
	}
	if !ca.Verify(weak, secret) {
		t.Error("refused after all that")
	}
	if ca.Verify(Capability{}, Secret{}) != Verify(Capability{}, Secret{}) {
		t.Error("an empty entry counts")
	}
}

func TestCache_Derive(t *testing.T) {
	random := counter()
	secret := NewSecret(random)
	owner := Owner(NewPort(random), 7, secret)
	var ca Cache
	weak := ca.Derive(owner, secret, PSRRead|PSRKill)
	if weak != Derive(owner, secret, PSRRead|PSRKill) || !ca.Verify(weak, secret) || ca.Misses != 0 {
		t.Errorf("%v, %d misses", weak, ca.Misses)
	}
	if same := ca.Derive(weak, secret, PSRRead|PSRKill|PSRWrite); same != weak {
		t.Errorf("restricted to what it has: %v", same)
	}
}

func weakSample() (Capability, Secret) {
	random := counter()
	secret := NewSecret(random)
	weak, _ := Restrict(Owner(NewPort(random), 7, secret), PSRRead)
	return weak, secret
}

// A hit is to cost a small part of the hash it saves: compare with BenchmarkVerify.
func BenchmarkVerify_Cached(b *testing.B) {
	weak, secret := weakSample()
	var ca Cache
	for b.Loop() {
		ca.Verify(weak, secret)
	}
}
