package cookiestore

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"testing"
)

// An element of GF(2^128) as GCM has it: the first bit of the first byte is the
// coefficient of 1.
type element struct{ hi, lo uint64 }

func toElement(b []byte) element {
	return element{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (x element) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, x.hi), x.lo)
}

func (x element) plus(y element) element { return element{x.hi ^ y.hi, x.lo ^ y.lo} }

func (x element) times(y element) (z element) {
	for i := range 128 {
		word := x.hi
		if i >= 64 {
			word = x.lo
		}
		if word>>(63-i%64)&1 == 1 {
			z = z.plus(y)
		}
		carry := y.lo & 1
		y.lo = y.lo>>1 | y.hi<<63
		y.hi = y.hi>>1 ^ carry*(0xe1<<56)
	}
	return z
}

// inverse is x^(2^128-2).
func (x element) inverse() element {
	r := element{hi: 1 << 63} // 1
	for range 127 {
		x = x.times(x)
		r = r.times(x)
	}
	return r
}

// ghash returns the hash under the key of a block cipher, and that key.
func ghash(block cipher.Block, aad, ct []byte) (sum, h element) {
	zero := make([]byte, 16)
	block.Encrypt(zero, zero)
	h = toElement(zero)
	for _, part := range [][]byte{aad, ct} {
		for ; len(part) > 0; part = part[min(16, len(part)):] {
			var b [16]byte
			copy(b[:], part)
			sum = sum.plus(toElement(b[:])).times(h)
		}
	}
	return sum.plus(element{uint64(len(aad)) * 8, uint64(len(ct)) * 8}).times(h), h
}

// salamander returns nonce, ciphertext and tag that GCM opens under two keys:
// the last block of the ciphertext makes both tags the same.
func salamander(a, b cipher.Block, aad []byte, blocks int) []byte {
	nonce, ct := bytes.Repeat([]byte{7}, nonceSize), bytes.Repeat([]byte{5}, 16*blocks)
	last := ct[len(ct)-16:]
	clear(last)
	mask := func(block cipher.Block) element {
		j0 := append(bytes.Clone(nonce), 0, 0, 0, 1)
		block.Encrypt(j0, j0)
		return toElement(j0)
	}
	sumA, hA := ghash(a, aad, ct)
	sumB, hB := ghash(b, aad, ct)
	// The last block is multiplied by h twice: by itself, and with the lengths.
	difference := sumA.plus(mask(a)).plus(sumB).plus(mask(b))
	coefficient := hA.times(hA).plus(hB.times(hB))
	copy(last, difference.times(coefficient.inverse()).bytes())
	sumA, _ = ghash(a, aad, ct)
	return append(append(nonce, ct...), sumA.plus(mask(a)).bytes()...)
}

func TestSecurity_EN8_ATokenIsCommittedToItsKey(t *testing.T) {
	// Two contexts of one key, and two rings that hold different keys under one
	// ID: each time two AES keys for one header.
	key, other := GenerateKey(), GenerateKey()
	other.id = key.id
	const elsewhere = "flash\x00__Host-id\x00app"
	for name, c := range map[string]struct {
		a, b           Key
		scopeA, scopeB string
	}{
		"two scopes": {key, key, scope, elsewhere},
		"two keys":   {key, other, scope, scope},
	} {
		head := make([]byte, nonceAt)
		head[0] = version
		copy(head[1:], key.id[:])
		salt := head[saltAt:commitAt]
		blockA, commitA := c.a.block(salt, c.scopeA)
		blockB, commitB := c.b.block(salt, c.scopeB)
		for whose, commitment := range map[string][]byte{"a": commitA, "b": commitB} {
			copy(head[commitAt:], commitment)
			sealed := salamander(blockA, blockB, head, 6)
			for under, block := range map[string]cipher.Block{"a": blockA, "b": blockB} {
				aead, err := cipher.NewGCMWithRandomNonce(block)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := aead.Open(nil, nil, sealed, head); err != nil {
					t.Fatalf("%s: the construction does not work under %s: %v", name, under, err)
				}
			}
			token := base64.RawURLEncoding.EncodeToString(append(bytes.Clone(head), sealed...))
			_, _, openA := newRing(t, c.a).unseal(c.scopeA, token)
			_, _, openB := newRing(t, c.b).unseal(c.scopeB, token)
			if openA != (whose == "a") || openB != (whose == "b") {
				t.Errorf("%s: a token committed to %s opens under a: %v, under b: %v", name, whose, openA, openB)
			}
		}
	}
}
