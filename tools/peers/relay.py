"""A relay between an initiator and a target that flips one bit of the stream at chosen places, as bad memory would.

    relay = relay.Relay(disk.port, spoil_to_initiator=[1_000_000])
    spoiled_disk = dataclasses.replace(disk, port=relay.port)
    ...
    relay.spoiled     # how many bits were flipped
    relay.stop()

Offsets count bytes of one direction over all connections, so that a place is spoiled once, not at every retry.
"""

import selectors
import socket
import threading


class Relay:
    def __init__(self, port: int, spoil_to_initiator: list[int] = (), spoil_to_target: list[int] = ()):
        self.spoiled = 0
        self.connections = 0
        self._target = ("127.0.0.1", port)
        self._places = {"to_initiator": sorted(spoil_to_initiator), "to_target": sorted(spoil_to_target)}
        self._passed = {"to_initiator": 0, "to_target": 0}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _loop(self) -> None:
        while not self._stop.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj.fileno() >= 0:
                    self._pass_on(key.fileobj, *key.data)

    def _accept(self) -> None:
        initiator, _ = self._listener.accept()
        target = socket.create_connection(self._target)
        self.connections += 1
        for end in (initiator, target):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(initiator, selectors.EVENT_READ, (target, "to_target"))
        self._selector.register(target, selectors.EVENT_READ, (initiator, "to_initiator"))

    def _pass_on(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        try:
            data = bytearray(source.recv(1 << 18))
            if data:
                self._spoil(data, direction)
                sink.sendall(data)
                return
        except OSError:
            pass
        for end in (source, sink):
            self._selector.unregister(end)
            end.close()

    def _spoil(self, data: bytearray, direction: str) -> None:
        start = self._passed[direction]
        self._passed[direction] += len(data)
        places = self._places[direction]
        while places and places[0] < start + len(data):
            data[places.pop(0) - start] ^= 0x04
            self.spoiled += 1
