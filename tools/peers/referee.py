"""The referee: tshark, a decoder that shares nothing with ours, reads a capture and judges its digests.

It gives verdicts only as text under -V, learns the digests from the login that the capture must hold, and guesses the
protocol wrongly without -d. A check that counts nothing has decoded nothing: callers compare with what was sent.
"""

import dataclasses
import pathlib
import subprocess

from tools.peers import case, process

NEEDS = ("tshark",)


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """Digests of one capture, headers' and data's, as the referee judged them; and what it could not decode."""

    header_good: int = 0
    header_bad: int = 0
    data_good: int = 0
    data_bad: int = 0
    malformed: int = 0


def judge(scene: case.Scene, capture: pathlib.Path, port: int) -> Verdicts:
    command = ["tshark", "-r", str(capture), "-V", "-O", "iscsi", "-d", f"tcp.port=={port},iscsi",
               "-o", "iscsi.bogus_pdu_max_data_len:16777216"]
    errors = scene.folder / "tshark.log"
    counts = dict.fromkeys(vars(Verdicts()), 0)
    with open(errors, "wb") as log, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                     stderr=log, text=True, errors="replace") as running:
        scene.defer(running.kill)
        for line in running.stdout:
            if "CRC32" in line:
                what = "header" if "HeaderDigest" in line else "data" if "DataDigest" in line else None
                verdict = "good" if "(Good CRC32)" in line else "bad" if "(Bad CRC32" in line else None
                if what and verdict:
                    counts[f"{what}_{verdict}"] += 1
            elif "Malformed Packet" in line:
                counts["malformed"] += 1
    if running.returncode != 0:
        raise case.Failure(f"tshark ended with {running.returncode}: {errors.read_text()[-1000:]}")
    return Verdicts(**counts)


def opcodes(scene: case.Scene, capture: pathlib.Path, port: int) -> list[int]:
    """The opcode of each PDU that the referee finds in a capture, whatever is wrong with the PDU."""
    output = scene.run(["tshark", "-r", capture, "-d", f"tcp.port=={port},iscsi", "-T", "fields", "-e", "iscsi.opcode"])
    return [int(word, 0) & 0x3f for line in output.splitlines() for word in line.split(",") if word.strip().startswith("0x")]


class Listener:
    """dumpcap on the loopback: a capture of programs that write none themselves. Needs root."""

    def __init__(self, scene: case.Scene, port: int):
        self.capture = scene.folder / "listener.pcapng"
        self._running = scene.start(["dumpcap", "-q", "-i", "lo", "-B", "64", "-f", f"tcp port {port}",
                                     "-w", self.capture], "dumpcap")
        self._running.wait_for(lambda: "File:" in self._running.text(), "capturing")

    def stop(self) -> None:
        self._running.stop()


def plant(capture: pathlib.Path, marker: bytes, spoiled: pathlib.Path) -> None:
    """Writes a copy of `capture` in which one bit of the data that `marker` begins is another."""
    content = bytearray(capture.read_bytes())
    place = content.find(marker)
    if place < 0:
        raise case.Failure(f"{capture.name} holds no data that begins with {marker[:16]!r}")
    content[place + len(marker) // 2] ^= 0x10
    spoiled.write_bytes(content)
