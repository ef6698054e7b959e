package capability

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestClassic_GoldenBytes(t *testing.T) {
	c := Capability{Port: Port{1, 2, 3, 4, 5, 6}, Object: 0x0a0b0c, Rights: PSRRead | PSRKill, Check: [Size]byte{7, 8, 9, 10, 11, 12}}
	want := unhex(t, `
		010203040506  # port
		0c0b0a        # object, little-endian
		21            # rights
		0708090a0b0c  # check`)
	got, err := c.AppendClassic(nil)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("encoded %x, %v", got, err)
	}
	if back, ok := DecodeClassic(want); !ok || back != c {
		t.Errorf("decoded %v", back)
	}
	if _, ok := DecodeClassic(want[:15]); ok {
		t.Error("15 bytes decoded")
	}
	owner := c
	owner.Rights = AllRights
	if got, err := owner.AppendClassic(nil); err != nil || got[9] != 0xff {
		t.Errorf("the owner's: %x, %v", got, err)
	}
}

// What does not fit is refused: a bit that was cut off could be a right.
func TestClassic_Refuses(t *testing.T) {
	fits := Capability{Port: Port{1}, Object: 1, Rights: 1, Check: [Size]byte{1}}
	for name, change := range map[string]func(c *Capability){
		"port":           func(c *Capability) { c.Port[6] = 1 },
		"check":          func(c *Capability) { c.Check[15] = 1 },
		"object":         func(c *Capability) { c.Object = 1 << 24 },
		"rights":         func(c *Capability) { c.Rights = 0x100 },
		"almost owner's": func(c *Capability) { c.Rights = 0xff },
	} {
		c := fits
		change(&c)
		if b, err := c.AppendClassic(nil); !errors.Is(err, ErrClassic) || len(b) != 0 {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
}

func TestClassic_ThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), ClassicLen, ClassicLen).Draw(t, "bytes")
		c, _ := DecodeClassic(b)
		if again, err := c.AppendClassic(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x, %v", b, again, err)
		}
	})
}

func TestSet(t *testing.T) {
	random := counter()
	one := Owner(NewPort(random), 1, NewSecret(random))
	two := Owner(NewPort(random), 2, NewSecret(random))
	s := Singleton(one)
	if err := s.Insert(two); err != nil || !s.Has(two) || len(s.Members) != 2 {
		t.Fatal(err)
	}
	if err := s.Insert(one); err != nil || len(s.Members) != 2 {
		t.Errorf("inserted twice: %d members, %v", len(s.Members), err)
	}
	if err := s.Insert(Capability{}); !errors.Is(err, ErrSet) {
		t.Error(err)
	}
	if err := s.Outdate(one); err != nil {
		t.Error(err)
	}
	if c, ok := s.Good(func(Capability) bool { return true }); !ok || c != two {
		t.Errorf("good: %v", c)
	}
	if _, ok := s.Good(func(c Capability) bool { return c == one }); ok {
		t.Error("one that is not current is good")
	}
	weak, err := s.Restrict(PSRRead)
	if err != nil || weak.Members[0].Cap.Rights != PSRRead || weak.Members[0].Current || !weak.Members[1].Current {
		t.Errorf("%v, %v", weak, err)
	}
	if _, err := weak.Restrict(PSRRead); !errors.Is(err, ErrNotOwner) {
		t.Error(err)
	}
	kept := s.Members[0]
	if err := s.Delete(two); err != nil || len(s.Members) != 1 || s.Members[0] != kept {
		t.Error(s, err)
	}
	if err := s.Delete(two); !errors.Is(err, ErrNotMember) {
		t.Error(err)
	}
	for len(s.Members) < MaxMembers {
		s.Insert(Owner(NewPort(random), 3, NewSecret(random)))
	}
	if err := s.Insert(two); !errors.Is(err, ErrSetFull) {
		t.Error(err)
	}
}

func FuzzDecodeSet(f *testing.F) {
	random := counter()
	s := Singleton(Owner(NewPort(random), 1, NewSecret(random)))
	s.Insert(Owner(NewPort(random), 2, NewSecret(random)))
	s.Members[0].Current = false
	b, err := s.Append(nil)
	if err != nil || len(b) != 2+2*(EncodedLen+1) {
		f.Fatalf("%x, %v", b, err)
	}
	if back, err := DecodeSet(b); err != nil || !reflect.DeepEqual(back, s) {
		f.Fatalf("%v, %v", back, err)
	}
	f.Add(b)
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSet(b)
		if err != nil {
			return
		}
		if again, err := s.Append(nil); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x became %x, %v", b, again, err)
		}
	})
}
