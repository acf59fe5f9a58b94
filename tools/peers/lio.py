"""LIO, the Linux kernel's target, in a guest; this machine reaches its portal through a forwarded port.

It names its own address (10.0.2.15) in SendTargets, so an initiator must stay with the portal that it was given.

    target = lio.Lio(scene, {"plain": {}, "digests": {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}})
    disk = target.disk("digests")
"""

from tools.peers import case, guest, process
from tools.peers.disk import Disk

PREFIX = "iqn.2026-11.example:"


class Lio:
    """One guest that serves a 64 MiB RAM disk (LUN 0) by each name, with LIO's parameters or CHAP accounts."""

    def __init__(self, scene: case.Scene, targets: dict[str, dict[str, str]]):
        self._targets = targets
        self.port = process.free_port()
        words = [";".join([name, *(f"{key}={value}" for key, value in keys.items())]) for name, keys in targets.items()]
        self._guest = guest.Guest(scene, "lio.sh", {"TARGETS": " ".join(words)}, forward={self.port: 3260},
                                  memory_mebibytes=512 + 64 * len(targets))
        self._guest.wait_until_ready()
        if failed := self._guest.said("fail"):
            raise case.Failure("LIO refused its configuration: " + "; ".join(failed))

    def disk(self, name: str) -> Disk:
        keys = self._targets[name]
        return Disk(self.port, PREFIX + name, 0, keys.get("userid", ""), keys.get("password", ""),
                    keys.get("userid_mutual", ""), keys.get("password_mutual", ""))
