"""tshark as a referee of what is on the wire."""

import os

from tools.peers import case, cases_target, guest, image, ours, referee, subject
from tools.peers.case import Case

_BOTH = {"header_digest": "crc32c", "data_digest": "crc32c"}


def _agrees(scene: case.Scene) -> None:
    """A copy between our programs: the referee finds as many digests good, both ways, as both say they sent."""
    source = image.random(scene.folder / "source", 16)
    served = subject.serve(scene, mebibytes=16, capture=True)
    disk = served.disk
    mine = scene.folder / "iscsi.pcapng"
    sent = ours.digests(ours.json_of(
        ours.iscsi(scene, "copy", source, disk.url(**_BOTH), "--json", f"--capture={mine}")), "sent")
    answered = ours.digests(served.stop(), "sent")
    for capture in (mine, served.capture):
        seen = referee.judge(scene, capture, disk.port)
        scene.equal((seen.header_bad, seen.data_bad, seen.malformed), (0, 0, 0), f"bad in {capture.name}")
        scene.equal(seen.header_good, sent.header_good + answered.header_good, f"header digests in {capture.name}")
        scene.equal(seen.data_good, sent.data_good + answered.data_good, f"data digests in {capture.name}")
    scene.check(sent.header_good and sent.data_good and answered.header_good, "nothing was sent")
    scene.note(f"{seen.header_good} header and {seen.data_good} data digests, all good")


def _planted(scene: case.Scene) -> None:
    """One flipped bit in a copy of our capture: the referee reports exactly one bad digest."""
    marker = b"planted: " + os.urandom(32)
    source = image.random(scene.folder / "source", 4)
    with open(source, "r+b") as content:
        content.seek(2**20)
        content.write(marker)
    served = subject.serve(scene, mebibytes=16, capture=True)
    ours.iscsi(scene, "copy", source, served.disk.url(**_BOTH))
    served.stop()
    before = referee.judge(scene, served.capture, served.disk.port)
    spoiled = scene.folder / "spoiled.pcapng"
    referee.plant(served.capture, marker, spoiled)
    after = referee.judge(scene, spoiled, served.disk.port)
    scene.equal((before.data_bad, before.header_bad), (0, 0), "bad digests before")
    scene.equal((after.data_good, after.data_bad, after.header_good, after.header_bad),
                (before.data_good - 1, 1, before.header_good, 0), "digests with one bit flipped")


def _linux_on_the_wire(scene: case.Scene) -> None:
    """The kernel's initiator and the target, heard on the loopback: all digests good, both kinds, both ways."""
    served = subject.serve(scene, path=image.empty(scene.folder / "disk", 192))
    listener = referee.Listener(scene, served.disk.port)
    cases_target.linux(scene, served.disk)
    listener.stop()
    statistics = served.stop()
    seen = referee.judge(scene, listener.capture, served.disk.port)
    scene.equal((seen.header_bad, seen.data_bad), (0, 0), "bad digests")
    scene.check(seen.header_good > 100 and seen.data_good > 100, f"the referee saw only {seen}")
    if statistics is not None:
        # A real wire cuts segments anywhere, and tshark 4.0 loses a PDU when a segment ends between its data and its
        # data digest, the more of them the busier the machine: it never counts more than there were, and no bad one.
        # Our own captures are cut elsewhere, and referee.agrees demands every digest of them.
        both = ours.digests(statistics, "received"), ours.digests(statistics, "sent")
        for what, heard, counted in (("header", seen.header_good, sum(one.header_good for one in both)),
                                     ("data", seen.data_good, sum(one.data_good for one in both))):
            scene.check(0.5 * counted <= heard <= counted, f"{what} digests: the target counts {counted}, tshark {heard}")
    scene.note(f"{seen.header_good} header and {seen.data_good} data digests, all good")


CASES = [
    Case("referee.agrees", _agrees, referee.NEEDS),
    Case("referee.planted", _planted, referee.NEEDS),
    Case("referee.linux", _linux_on_the_wire, (*referee.NEEDS, "dumpcap", *guest.NEEDS)),
]
