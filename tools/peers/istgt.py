"""istgt, FreeBSD's former user-space target, of Debian's package `istgt`, on a port of its own."""

import pathlib

from tools.peers import case, process
from tools.peers.disk import Disk

_CONFIGURATION = """\
[Global]
  NodeBase "iqn.2026-11.example"
  PidFile {folder}/istgt.pid
  AuthFile {folder}/istgt.auth
  LogFacility "local7"
  Timeout 30
  NopInInterval 20
  MaxSessions 16
  MaxConnections 4
  MaxR2T 32
  FirstBurstLength 65536
  MaxBurstLength 262144
  MaxRecvDataSegmentLength 262144
[UnitControl]
  AuthMethod None
  Portal UC1 127.0.0.1:{control_port}
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:{port}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.0/8
[LogicalUnit1]
  TargetName {name}
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod {method}
  AuthGroup {group}
  UseDigest {digests}
  UnitType Disk
  QueueDepth 32
  LUN0 Storage {image} {size}
"""

_ACCOUNTS = """\
[AuthGroup1]
  Auth "{user}" "{secret}" "{mutual_user}" "{mutual_secret}"
"""


def serve(scene: case.Scene, image: pathlib.Path, digests: bool = False, user: str = "", secret: str = "",
          mutual_user: str = "", mutual_secret: str = "") -> Disk:
    """Starts one istgt with one disk, LUN 0."""
    port = process.free_port()
    name = "disk"
    accounts = scene.folder / "istgt.auth"
    accounts.write_text(_ACCOUNTS.format(user=user, secret=secret, mutual_user=mutual_user,
                                         mutual_secret=mutual_secret) if user else "")
    accounts.chmod(0o600)
    configuration = scene.folder / "istgt.conf"
    configuration.write_text(_CONFIGURATION.format(
        folder=scene.folder, port=port, control_port=process.free_port(), name=name, image=image,
        size=f"{image.stat().st_size // 2**20}MB", digests="Header Data" if digests else "Auto",
        method=("CHAP Mutual" if mutual_user else "CHAP") if user else "None",
        group="AuthGroup1" if user else "None"))
    daemon = scene.start(["istgt", "-D", "-c", configuration])
    daemon.wait_for(lambda: process.listens(port), "listening")
    return Disk(port, f"iqn.2026-11.example:{name}", 0, user, secret, mutual_user, mutual_secret)
