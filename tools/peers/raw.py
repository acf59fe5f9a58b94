"""An initiator's connection by hand: login, and what becomes of it. For what no stock initiator does.

    session = raw.Connection(portal)
    status, keys = session.login({"InitiatorName": ..., "SessionType": "Discovery"}, isid=7)
    session.is_closed(within_s=5)

PDUs are written and read by RFC 7143's own numbers (sections 11.12, 11.13), without anything of the engine.
"""

import socket
import struct

from tools.peers import case

_LOGIN_REQUEST, _LOGIN_RESPONSE = 0x43, 0x23  # With the I bit.
_TRANSIT_TO_FULL_FEATURE = 0x87  # T, CSG = 1, NSG = 3.
_TRANSIT = 0x80
_DECLARED = ("TargetPortalGroupTag", "TargetAlias", "MaxRecvDataSegmentLength")  # No answer is due.


class Connection:
    """One TCP connection to `portal` ("ADDR:PORT"), which ends with the scene."""

    def __init__(self, scene: case.Scene, portal: str):
        host, port = portal.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=20)
        scene.defer(self._socket.close)

    def login(self, keys: dict, isid: int, tsih: int = 0) -> tuple[int, dict]:
        """To the full feature phase; what the target offers is accepted. (Status-Class and -Detail, the target's keys)."""
        said = {}
        for round_ in range(8):
            text = b"".join(f"{key}={value}".encode() + b"\0" for key, value in keys.items())
            header = struct.pack(">BBBBI6sHIHHIIQQ", _LOGIN_REQUEST, _TRANSIT_TO_FULL_FEATURE, 0, 0, len(text),
                                 bytes([0x80, 0, 0]) + isid.to_bytes(3, "big"), tsih, 1, 0, 0, 1, round_, 0, 0)
            self._socket.sendall(header + text + bytes(-len(text) % 4))
            answer = self._read(48)
            if answer[0] != _LOGIN_RESPONSE:
                raise case.Failure(f"not a Login Response: {answer.hex()}")
            size = int.from_bytes(answer[5:8], "big")
            text = self._read((size + 3) // 4 * 4)[:size].decode()
            status = int.from_bytes(answer[36:38], "big")
            new = dict(pair.split("=", 1) for pair in text.split("\0") if pair)
            offered = {key: value for key, value in new.items() if key not in keys and key not in _DECLARED}
            said |= new
            if status != 0 or answer[1] & _TRANSIT:
                return status, said
            keys = offered
        raise case.Failure("the target never lets the login end")

    def close(self) -> None:
        self._socket.close()

    def is_closed(self, within_s: float) -> bool:
        """Whether the target ends the connection in that time; anything that it sends before is read."""
        self._socket.settimeout(within_s)
        try:
            while self._socket.recv(4096):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    def _read(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            part = self._socket.recv(size - len(got))
            if not part:
                raise case.Failure(f"the target closed the connection after {len(got)} of {size} bytes")
            got += part
        return got
