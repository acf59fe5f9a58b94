"""tgt, the user-space target of Debian's package `tgt`, in the foreground on a port of its own.

    target = tgt.Tgt(scene)
    disk = target.add("iqn.2026-11.example:plain", image)
    disk = target.add("iqn.2026-11.example:digests", image, digests=True)
    disk = target.add("iqn.2026-11.example:chap", image, user="alice", secret="twelve or more")
"""

import pathlib

from tools.peers import case, process
from tools.peers.disk import Disk


class Tgt:
    """One tgtd. Its control socket lies in the scene's folder, so that others on this machine are left alone."""

    def __init__(self, scene: case.Scene):
        self._scene = scene
        self._next_tid = 1
        self._environment = {"TGT_IPC_SOCKET": str(scene.folder / "tgt.socket")}
        self.port = process.free_port()
        self._daemon = scene.start(["tgtd", "-f", "-C", "0", "--iscsi", f"portal=127.0.0.1:{self.port}"],
                                   environment=self._environment)
        scene.defer(self._daemon.kill)  # While it has targets it takes no notice of SIGTERM.
        self._daemon.wait_for(lambda: process.listens(self.port), "listening")

    def _admin(self, op: str, mode: str, *arguments) -> None:
        self._scene.run(["tgtadm", "-C", "0", "--lld", "iscsi", "--op", op, "--mode", mode, *arguments],
                        environment=self._environment)

    def add(self, iqn: str, image: pathlib.Path, digests: bool = False, user: str = "", secret: str = "",
            mutual_user: str = "", mutual_secret: str = "", parameters: dict | None = None) -> Disk:
        """A target with one disk, LUN 1 (its LUN 0 is the controller). Without `digests` tgt refuses CRC32C."""
        tid = str(self._next_tid)
        self._next_tid += 1
        self._admin("new", "target", "--tid", tid, "--targetname", iqn)
        self._admin("new", "logicalunit", "--tid", tid, "--lun", "1", "--backing-store", image)
        settings = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"} if digests else {}
        for key, value in (settings | (parameters or {})).items():
            self._admin("update", "target", "--tid", tid, "--name", key, "--value", value)
        if user:
            self._admin("new", "account", "--user", user, "--password", secret)
            self._admin("bind", "account", "--tid", tid, "--user", user)
        if mutual_user:
            self._admin("new", "account", "--user", mutual_user, "--password", mutual_secret)
            self._admin("bind", "account", "--tid", tid, "--user", mutual_user, "--outgoing")
        self._admin("bind", "target", "--tid", tid, "--initiator-address", "ALL")
        return Disk(self.port, iqn, 1, user, secret, mutual_user, mutual_secret)
