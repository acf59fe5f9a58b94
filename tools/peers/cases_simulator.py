"""The simulator's way from a failing seed to a capture: found, shrunk, replayed by the printed command, read by tshark.

The faults are planted, so there is always a seed that fails.
"""

import re
import shlex

from tools.peers import case, ours, referee
from tools.peers.case import Case

_PLANTS = ("wrong_block", "lost_write", "stale_read", "torn_write", "dropped_completion", "corrupt_before_digest",
           "corrupt_no_digest", "kept_task", "lying_device", "lease_twice")


def _replays(scene: case.Scene) -> None:
    kept = total = 0
    for plant in _PLANTS:
        output = scene.run([ours.program("simulate"), "--first=1", "--seeds=60", f"--plant={plant}"], status=1)
        shrunk = re.search(r"^seed (\d+) fails: (.+)\n +(\d+) of (\d+) operations and (\d+) of (\d+) faults are enough", output,
                           re.MULTILINE)
        printed = re.search(r"^ +tools/simulate (--seed .+)$", output, re.MULTILINE)
        scene.check(shrunk and printed, f"{plant}: no seed failed, or it was not shrunk:\n{output[-1000:]}")
        operations, all_operations, faults, all_faults = (int(number) for number in shrunk.groups()[2:])
        kept += operations + faults
        total += all_operations + all_faults
        words = shlex.split(printed[1])
        capture = scene.folder / f"{plant}.pcapng"
        words[words.index("--capture") + 1] = str(capture)
        replayed = scene.run([ours.program("simulate"), *words], status=1)
        hashes = re.search(r"trace hash (\w+), and again (\w+)", replayed)
        scene.check(hashes and hashes[1] == hashes[2], f"{plant}: two runs differ")
        # The rule that was broken is the same, and the trace says so in its place.
        scene.check(re.search(rf"^FAILED: .*{re.escape(shrunk[2])}", replayed, re.MULTILINE),
                    f"{plant}: the replay does not break the rule {shrunk[2]}:\n{replayed[-1000:]}")
        opcodes = referee.opcodes(scene, capture, 3260)
        # A run may end before the first answer.
        scene.check(opcodes.count(0x03), f"{plant}: tshark sees no Login Request in the capture: {opcodes[:20]}")
    scene.check(kept < total / 2, f"shrinking left {kept} of {total} operations and faults")
    scene.note(f"{len(_PLANTS)} planted faults found, shrunk from {total} operations and faults to {kept}, replayed and read")


CASES = [
    Case("simulator.replays", _replays, needs=referee.NEEDS),
]
