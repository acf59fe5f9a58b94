"""Our two programs over a network card in software: real TCP between two namespaces, digests by the device."""

import subprocess
import threading
import time

from tools.offload import demo, wire
from tools.peers import case
from tools.peers.case import Case


def _over_the_card(mtu: int, segment: int):
    def run(scene: case.Scene) -> None:
        try:
            failed = demo.run(demo.build(), scene.folder, mtu, segment, mebibytes=64, corrupt=1000, model="frame-aligned",
                              at_least=0.98)
        except wire.Unavailable as reason:
            raise case.Skip(str(reason)) from None
        except (wire.Failure, subprocess.CalledProcessError) as error:
            raise case.Failure(str(error)) from None
        scene.check(not failed, "; ".join(failed))

    return run


def _storm(scene: case.Scene) -> None:
    """Loss, reordering, duplicates, re-cut frames and corruption together: the same bytes, and none corrupted unnoticed."""
    source = demo.random_file(scene.folder / "source", 32)
    back = scene.folder / "back"
    flags = [f"--{what}=200" for what in ("drop", "reorder", "duplicate", "recut")]
    try:
        with wire.Wire(demo.build(), scene.folder, *flags, "--corrupt=2000", mtu=9000) as link:
            link.serve(["ram:32M"], model="frame-aligned")
            there = link.iscsi("copy", source, link.url(), model="frame-aligned")
            again = link.iscsi("copy", link.url(), back, model="frame-aligned")
            card = link.card()
            target = demo.Sums(link.stop_target())
    except wire.Unavailable as reason:
        raise case.Skip(str(reason)) from None
    except (wire.Failure, subprocess.CalledProcessError) as error:
        raise case.Failure(str(error)) from None
    initiator = demo.Sums(there["sink"], again["source"])
    scene.check(source.read_bytes() == back.read_bytes(), "other bytes came back")
    scene.check(card["dropped"] and card["reordered"] and card["duplicated"] and card["recut"], f"no storm: {card}")
    # A corrupted frame may also be one of two copies, of which TCP keeps the other.
    scene.check(initiator.errors + target.errors <= card["corrupted"], "more digests were wrong than PDUs corrupted")
    scene.check(initiator.accepted > 0.8 and target.accepted > 0.8, "the device hardly helped")
    scene.note(f"{100 * initiator.accepted:.1f} and {100 * target.accepted:.1f} % of data digests accepted from the device")


def _path_mtu(scene: case.Scene) -> None:
    """The path becomes narrower in mid-copy: PDUs misfit, then both senders cut them to what stays aligned, and hits return."""
    source = demo.random_file(scene.folder / "source", 192)
    back = scene.folder / "back"
    try:
        with wire.Wire(demo.build(), scene.folder, mtu=9000) as link:
            link.serve(["ram:192M"], model="frame-aligned")

            def narrow() -> None:
                while link.card()["bytes"] < 96 * 2**20:
                    time.sleep(0.02)
                link.tell("set path_mtu=1500")

            narrowing = threading.Thread(target=narrow)
            narrowing.start()
            there = link.iscsi("copy", source, link.url(), model="frame-aligned")
            narrowing.join(30)
            again = link.iscsi("copy", link.url(), back, model="frame-aligned")
            card = link.card()
            target = demo.Sums(link.stop_target())
    except wire.Unavailable as reason:
        raise case.Skip(str(reason)) from None
    except (wire.Failure, subprocess.CalledProcessError) as error:
        raise case.Failure(str(error)) from None
    scene.check(source.read_bytes() == back.read_bytes(), "other bytes came back")
    scene.check(card["too_big"] > 0, "no frame was too big: the path did not change")
    initiator = demo.Sums(there["sink"], again["source"])
    scene.note(f"{card['too_big']} frames too big; {100 * target.accepted:.1f} % of data digests accepted from the device by "
               f"iscsi_target, across the change, and {100 * initiator.accepted:.1f} % by iscsi, after it")
    # Without following the path, half of what the target received would have missed.
    scene.check(target.accepted > 0.9, f"only {target.accepted:.3f} of data digests were accepted from the device")


CASES = [
    Case("offload.mtu_9000", _over_the_card(9000, 0), ("nsenter",)),
    Case("offload.mtu_1500", _over_the_card(1500, 1024), ("nsenter",)),
    Case("offload.storm", _storm, ("nsenter",)),
    Case("offload.path_mtu", _path_mtu, ("nsenter",)),
]
