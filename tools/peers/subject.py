"""The target under test: our `iscsi_target`; or, to check the harness itself, tgt in its place (`--stand_in`).

    subject = serve(scene, mebibytes=64, capture=True)
    subject.disk.url()
    subject.stop()       # statistics; None from the stand-in
"""

from tools.peers import case, image, ours, tgt
from tools.peers.disk import Disk

use_stand_in = False


class _StandIn:
    def __init__(self, scene: case.Scene, path, accounts: dict):
        self.disk: Disk = tgt.Tgt(scene).add(ours.IQN, path, digests=True, **accounts)

    def stop(self) -> None:
        return None


def serve(scene: case.Scene, mebibytes: int = 256, flags: tuple = (), capture: bool = False, path=None,
          options: str = "", **accounts):
    """One target with one disk: `path`, or empty memory. CHAP as `accounts` says: user, secret, mutual_…

    `options` of the disk (",readonly"…) are our target's own; the stand-in goes without.
    """
    if use_stand_in:
        if capture:
            raise case.Skip("the stand-in writes no capture")
        return _StandIn(scene, path or image.empty(scene.folder / "disk", mebibytes), accounts)
    lun = (f"file:{path}" if path else f"ram:{mebibytes}M") + options
    return ours.Target(scene, [lun], *flags, capture=capture, chap=accounts)
