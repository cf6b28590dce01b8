package envelope

// A Client is what a session keeps of the client that signed in.
type Client struct {
	UserAgent     string
	AddressFamily string
}

// Label returns what the subject calls the device.
func (m *Meta) Label() string { return string(m.inTail(tagLabel)) }

// SetLabel puts a label in the place of the one there is; "" is none.
func (m *Meta) SetLabel(label string) { m.setTail(tagLabel, []byte(label)) }

// Client returns what SetClient was given, zero by default.
func (m *Meta) Client() (c Client) {
	c, _ = decodeClient(m.inTail(tagClient))
	return c
}

// SetClient keeps nothing of a client that says nothing.
func (m *Meta) SetClient(c Client) {
	if c != (Client{}) {
		m.setTail(tagClient, appendBytes(appendBytes(nil, c.UserAgent), c.AddressFamily))
	}
}

func decodeClient(raw []byte) (Client, bool) {
	agent, raw, ok := cutBytes(raw)
	if !ok {
		return Client{}, false
	}
	family, raw, ok := cutBytes(raw)
	return Client{string(agent), string(family)}, ok && len(raw) == 0
}
