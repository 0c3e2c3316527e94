"""The part of MQTT 5 that tests need: a client that does what it is told, and a broker likewise.

Invariants: neither does anything of itself, not even an acknowledgement, so that a test can
withhold, repeat and break what it likes; waits end at a deadline, which guards against hangs and
measures nothing.
"""

import socket
import struct
import time

from commands import DEADLINE_S

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
PINGREQ, PINGRESP, DISCONNECT = 12, 13, 14

# Properties (MQTT 5, 2.2.2.2) by the form of their value.
_BYTE, _U16, _U32, _VARINT, _TEXT, _PAIR = range(6)
_PROPERTIES = {
    0x01: _BYTE, 0x02: _U32, 0x03: _TEXT, 0x08: _TEXT, 0x09: _TEXT, 0x0B: _VARINT, 0x11: _U32,
    0x12: _TEXT, 0x13: _U16, 0x15: _TEXT, 0x16: _TEXT, 0x17: _BYTE, 0x18: _U32, 0x19: _BYTE,
    0x1A: _TEXT, 0x1C: _TEXT, 0x1F: _TEXT, 0x21: _U16, 0x22: _U16, 0x23: _U16, 0x24: _BYTE,
    0x25: _BYTE, 0x26: _PAIR, 0x27: _U32, 0x28: _BYTE, 0x29: _BYTE, 0x2A: _BYTE,
}
MESSAGE_EXPIRY, SESSION_EXPIRY, WILL_DELAY = 0x02, 0x11, 0x18
RECEIVE_MAXIMUM, MAXIMUM_PACKET_SIZE = 0x21, 0x27


class Closed(Exception):
    """The other side has closed the connection."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise ValueError("a packet that is too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self):
        return self.take(1)[0]

    def u16(self):
        return struct.unpack(">H", self.take(2))[0]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def text(self):
        return self.take(self.u16())

    def properties(self):
        end = self.varint() + self.at
        found = {}
        while self.at < end:
            name = self.byte()
            form = _PROPERTIES[name]
            found[name] = (
                (self.text(), self.text()) if form == _PAIR
                else (self.byte, self.u16, self.u32, self.varint, self.text)[form]())
        return found

    def rest(self):
        return self.take(len(self.data) - self.at)


def varint(value):
    out = bytearray()
    while True:
        value, low = value >> 7, value & 127
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def properties(found):
    out = b""
    for name, value in (found or {}).items():
        form = _PROPERTIES[name]
        out += bytes([name]) + (
            text(value) if form == _TEXT else varint(value) if form == _VARINT
            else struct.pack({_BYTE: ">B", _U16: ">H", _U32: ">I"}[form], value))
    return varint(len(out)) + out


class Packet:
    """A packet, taken apart as far as tests look."""

    def __init__(self, kind, flags, body):
        self.kind, self.flags, self.body = kind, flags, body
        reader = Reader(body)
        if kind == CONNECT:
            self._connect(reader)
        elif kind == PUBLISH:
            self.topic = reader.text().decode()
            self.qos, self.retain, self.dup = flags >> 1 & 3, bool(flags & 1), bool(flags & 8)
            self.id = reader.u16() if self.qos else 0
            self.properties = reader.properties()
            self.payload = reader.rest()
        elif kind == CONNACK:
            self.session_present, self.reason = bool(reader.byte() & 1), reader.byte()
            self.properties = reader.properties()
        elif kind == PUBACK:
            self.id = reader.u16()
            self.reason = reader.byte() if len(body) > 2 else 0
        elif kind in (SUBSCRIBE, SUBACK):
            self.id = reader.u16()
            self.properties = reader.properties()
            self.topics = []
            while kind == SUBSCRIBE and reader.at < len(body):
                self.topics.append((reader.text().decode(), reader.byte()))
            self.reasons = [] if kind == SUBSCRIBE else list(reader.rest())
        elif kind == DISCONNECT:
            self.reason = reader.byte() if body else 0

    def _connect(self, reader):
        self.protocol, self.level = reader.text(), reader.byte()
        flags = reader.byte()
        self.clean_start = bool(flags & 2)
        self.keep_alive = reader.u16()
        self.properties = reader.properties()
        self.client = reader.text().decode()
        self.will = None
        if flags & 4:
            found = reader.properties()
            self.will = {"properties": found, "topic": reader.text().decode(),
                         "payload": reader.text(), "qos": flags >> 3 & 3,
                         "retain": bool(flags & 32)}
        self.user = reader.text().decode() if flags & 128 else None
        self.password = reader.text() if flags & 64 else None


class Peer:
    """One connection, from either side."""

    def __init__(self, connection):
        self.socket = connection
        self.buffer = b""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.socket.close()

    def send(self, kind, body=b"", flags=0):
        self.send_bytes(bytes([kind << 4 | flags]) + varint(len(body)) + body)

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed from error

    def receive(self, deadline_s=DEADLINE_S):
        """The next packet; None if none comes in time."""
        end = time.monotonic() + deadline_s
        while True:
            packet = self._parsed()
            if packet:
                return packet
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                return None
            except ConnectionResetError as error:
                raise Closed from error
            if not more:
                raise Closed
            self.buffer += more

    def _parsed(self):
        size = shift = 0
        for at in range(1, min(5, len(self.buffer))):
            size |= (self.buffer[at] & 127) << shift
            shift += 7
            if self.buffer[at] < 128:
                end = at + 1 + size
                if len(self.buffer) < end:
                    return None
                packet = Packet(self.buffer[0] >> 4, self.buffer[0] & 15, self.buffer[at + 1:end])
                self.buffer = self.buffer[end:]
                return packet
        return None

    def expect(self, kind, deadline_s=DEADLINE_S):
        """The next packet but pings, which must be of this kind."""
        while True:
            packet = self.receive(deadline_s)
            if packet is None:
                raise AssertionError(f"no packet of type {kind} came")
            if packet.kind == PINGREQ:
                self.send(PINGRESP)
                continue
            if packet.kind != kind:
                raise AssertionError(f"a packet of type {packet.kind} came, not {kind}")
            return packet

    # What a broker sends

    def connack(self, session_present=False, reason=0, found=None):
        self.send(CONNACK, bytes([session_present, reason]) + properties(found))

    def suback(self, packet_id, reason=1):
        self.send(SUBACK, struct.pack(">H", packet_id) + b"\0" + bytes([reason]))

    def puback(self, packet_id, reason=0):
        self.send(PUBACK, struct.pack(">H", packet_id) + bytes([reason, 0]))

    def deliver(self, topic, payload, packet_id=1):
        self.send(PUBLISH, text(topic) + struct.pack(">H", packet_id) + b"\0" + payload, flags=2)


class Broker:
    """Listens, and leaves the rest to the test."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def accept(self, deadline_s=DEADLINE_S):
        """The next connection; None if none comes in time."""
        self.listener.settimeout(deadline_s)
        try:
            return Peer(self.listener.accept()[0])
        except TimeoutError:
            return None

    def close(self):
        self.listener.close()


class Client(Peer):
    """Connects and has a CONNACK, in `connack_packet`."""

    def __init__(self, port, client, user=None, password=None, clean=True, expiry_s=0):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S))
        flags = 2 * clean | (128 if user else 0) | (64 if password else 0)
        body = text("MQTT") + bytes([5, flags]) + struct.pack(">H", 600)
        body += properties({SESSION_EXPIRY: expiry_s}) + text(client)
        body += text(user) if user else b""
        body += text(password) if password else b""
        self.send(CONNECT, body)
        self.messages = []
        self.last_id = 0
        self.answer = self.expect(CONNACK)

    def _id(self):
        self.last_id = self.last_id % 60_000 + 1
        return self.last_id

    def answered(self, kind, packet_id):
        """The answer to a packet of ours; what is delivered in between goes to `messages`."""
        while True:
            packet = self.receive()
            if packet is None:
                raise AssertionError("the broker does not answer")
            if packet.kind == PUBLISH:
                self.keep(packet)
            elif packet.kind == kind and packet.id == packet_id:
                return packet

    def keep(self, packet):
        if packet.qos:
            self.puback(packet.id)
        self.messages.append(packet)

    def publish(self, topic, payload, retain=False):
        """Publishes at QoS 1; returns the PUBACK's reason."""
        packet_id = self._id()
        self.send(PUBLISH, text(topic) + struct.pack(">H", packet_id) + b"\0" + payload,
                  flags=2 | retain)
        return self.answered(PUBACK, packet_id).reason

    def subscribe(self, topic):
        """Returns the SUBACK's reason."""
        packet_id = self._id()
        self.send(SUBSCRIBE, struct.pack(">H", packet_id) + b"\0" + text(topic) + b"\1", flags=2)
        return self.answered(SUBACK, packet_id).reasons[0]

    def message(self, deadline_s=DEADLINE_S):
        """The next message; None if none comes in time."""
        end = time.monotonic() + deadline_s
        while not self.messages:
            left = end - time.monotonic()
            packet = self.receive(left) if left > 0 else None
            if packet is None:
                return None
            if packet.kind == PUBLISH:
                self.keep(packet)
        return self.messages.pop(0)

    def leave(self):
        """DISCONNECT, and the end of the connection."""
        self.send(DISCONNECT)
        self.close()
