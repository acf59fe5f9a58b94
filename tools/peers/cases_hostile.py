"""The hostile peer against our two programs, which must pass."""

import json

from tools.delivery import tree
from tools.peers import case, hostile, image, ours, tgt
from tools.peers.case import Case
from tools.peers.disk import Disk

ACCOUNTS = {"user": "alice", "secret": "alice's own secret", "mutual_user": "bob", "mutual_secret": "bob's other secret"}
# What a run on sockets cannot look at, with the reason.
_NOT_HERE = {
    "target.numbers.hole_for_ever": "takes a minute",
    "target.login.slow": "takes as long as the login's deadline",
    "target.login.silent_connection": "takes as long as the login's deadline",
    "initiator.login.silence": "takes as long as the login's deadline",
    "initiator.framing.too_long": "one read is shorter than the MaxRecvDataSegmentLength that iscsi declares",
    **dict.fromkeys(("initiator.function.response_1", "initiator.function.response_255", "initiator.function.response_reserved",
                     "initiator.function.twice", "initiator.function.with_data", "initiator.function.by_scsi_response",
                     "initiator.function.rejected"), "iscsi has no command that resets"),
}


def serve_ours(scene: case.Scene, name: str = "hostile") -> tuple[Disk, Disk]:
    """An iscsi_target with a disk for anyone and one behind CHAP."""
    secrets = ours.write_secrets(scene, f"{name}.accounts", ACCOUNTS)
    path = scene.folder / f"{name}.json"
    open_name, chap_name = ours.IQN, f"{ours.IQN}-chap"
    path.write_text(json.dumps({
        "portals": [{"address": "127.0.0.1:0"}],
        "targets": [{"name": open_name, "luns": [{"ram": "16M"}]},
                    {"name": chap_name, "chap_secrets": str(secrets), "luns": [{"ram": "16M"}]}]}))
    running = scene.start([ours.program("iscsi_target"), f"--config={path}"], name)
    running.wait_for(lambda: f"/{chap_name}/0\n" in running.text(), "listening")
    port = int(running.text().split("iscsi://127.0.0.1:")[1].split("/")[0])
    scene.defer(_stop, scene, running)
    return Disk(port, open_name, 0), Disk(port, chap_name, 0, **ACCOUNTS)


def _stop(scene: case.Scene, running) -> None:
    scene.equal(running.stop(), 0, "exit status of iscsi_target after SIGTERM")


def _judge(scene: case.Scene, result: hostile.Result) -> None:
    scene.equal([f"{name}: {result.text(name)}" for name in result.failed], [], "tests that failed")
    unexpected = [f"{name}: {result.text(name)}" for name in result.not_applicable if name not in _NOT_HERE]
    scene.equal(unexpected, [], "tests that were not applicable")
    scene.note(f"{len(result.passed)} passed, {len(result.not_applicable)} not applicable")


def _our_target(scene: case.Scene) -> None:
    disk, chap = serve_ours(scene)
    _judge(scene, hostile.attack_target(scene, "ours", disk, chap))


def _our_initiator(scene: case.Scene) -> None:
    # With digests only: without them runs everything in memory, under every chunking.
    _judge(scene, hostile.attack_iscsi(scene, ACCOUNTS, flags=("--digests=on",)))


def serve_tgt(scene: case.Scene) -> tuple[Disk, Disk]:
    daemon = tgt.Tgt(scene)
    disk = daemon.add(ours.IQN, image.empty(scene.folder / "plain", 16), digests=True)
    chap = daemon.add(f"{ours.IQN}-chap", image.empty(scene.folder / "chap", 16), digests=True,
                      user=ACCOUNTS["user"], secret=ACCOUNTS["secret"])
    return disk, chap


def _lists(scene: case.Scene) -> None:
    output = scene.run([ours.program("iscsi_hostile"), "--list"])
    names = [line.split()[0] for line in output.splitlines() if line.startswith(("target.", "initiator."))]
    scene.check(len(names) >= 150 and len(set(names)) == len(names), f"{len(names)} names")
    scene.run([ours.program("iscsi_hostile"), "all", "iscsi://127.0.0.1"], status=2)
    scene.run([ours.program("iscsi_hostile"), "no.such", "iscsi://127.0.0.1/iqn.2026-11.example:a/0"], status=2)
    scene.equal(scene.run([ours.program("iscsi_hostile"), "--version"]), f"iscsi_hostile (Isthmus) {tree.version()}\n",
                "iscsi_hostile --version")
    scene.note(f"{len(names)} tests")


CASES = [
    Case("hostile.list", _lists),
    Case("hostile.our_target", _our_target),
    Case("hostile.our_initiator", _our_initiator),
]
