"""tools/offload_demo: digests by a network card, on real TCP, both ways, under corruption.

Two network namespaces whose only link is software_nic; `iscsi --offload=MODEL copy` against `iscsi_target --offload=MODEL`.
For each set-up it copies to the disk and back, while the card corrupts one PDU in so many behind TCP's back, and checks:

  - of the received data digests of both programs, the share that was accepted from the device;
  - of those that they sent, the share that the device inserted;
  - that each corrupted PDU was found: corrupted by the card = data digest errors of both programs;
  - that what comes back is what went in.

Ends with 1 if one of these does not hold, with 77 if the machine has no TAP devices or namespaces to give.
"""

import argparse
import filecmp
import pathlib
import random
import subprocess
import sys
import tempfile

from tools.offload import wire
from tools.testing import bazel

# MTU, MaxRecvDataSegmentLength (0: what the device asks for).
SETUPS = [(9000, 0), (1500, 1024)]


def build() -> dict[str, pathlib.Path]:
    folder = bazel.build(bazel.OPTIMISED, list(wire.PROGRAMS.values()))
    return {name: folder / label.removeprefix("//").replace(":", "/") for name, label in wire.PROGRAMS.items()}


def random_file(path: pathlib.Path, mebibytes: int) -> pathlib.Path:
    dice = random.Random(mebibytes)
    with open(path, "wb") as file:
        for _ in range(mebibytes):
            file.write(dice.randbytes(2**20))
    return path


class Sums:
    """Data digests of several statistics together."""

    def __init__(self, *statistics: dict):
        def total(direction: str, name: str) -> int:
            return sum(one[direction][name] for one in statistics)

        self.received_device = total("received", "data_digests_by_device")
        self.received_software = total("received", "data_digests_by_software")
        self.errors = total("received", "data_digest_errors")
        self.sent_device = total("sent", "data_digests_by_device")
        self.sent_software = total("sent", "data_digests_by_software")
        self.accepted = share(self.received_device, self.received_software)
        self.inserted = share(self.sent_device, self.sent_software)


def share(device: int, software: int) -> float:
    return device / (device + software) if device + software else 1.0


def run(programs: dict, folder: pathlib.Path, mtu: int, segment: int, mebibytes: int, corrupt: int, model: str,
        at_least: float = 0.99) -> list[str]:
    """One set-up: what it measured, printed; what does not hold, returned."""
    keys = [f"--MaxRecvDataSegmentLength={segment}"] if segment else []
    source = random_file(folder / "source", mebibytes)
    back = folder / "back"
    with wire.Wire(programs, folder, f"--corrupt={corrupt}", mtu=mtu) as link:
        link.serve([f"ram:{mebibytes}M"], *keys, model=model)
        there = link.iscsi("copy", *keys, source, link.url(), model=model)
        again = link.iscsi("copy", *keys, link.url(), back, model=model)
        card = link.card()
        target = link.stop_target()
    initiator = Sums(there["sink"], again["source"])
    other = Sums(target)
    failed = []

    def check(condition: bool, text: str) -> None:
        print(f"  {'ok  ' if condition else 'FAIL'} {text}")
        if not condition:
            failed.append(f"MTU {mtu}: {text}")

    print(f"MTU {mtu}, segments of {segment or 'the largest aligned size'}, {mebibytes} MiB each way, model {model}: "
          f"{there['bytes_per_second'] / 1e6:.0f} MB/s there, {again['bytes_per_second'] / 1e6:.0f} MB/s back")
    for who, sums in (("iscsi", initiator), ("iscsi_target", other)):
        check(sums.accepted >= at_least, f"{who}: {sums.received_device} of {sums.received_device + sums.received_software} "
              f"received data digests accepted from the device ({100 * sums.accepted:.3f} %)")
        check(sums.inserted >= at_least, f"{who}: {sums.sent_device} of {sums.sent_device + sums.sent_software} "
              f"sent data digests inserted by the device ({100 * sums.inserted:.3f} %)")
    caught = initiator.errors + other.errors
    # A corrupted frame that the host did not take comes again, whole.
    check(card["corrupted"] - card["corrupted_sent_again"] <= caught <= card["corrupted"],
          f"{card['corrupted']} PDUs corrupted on the wire, {caught} caught "
          f"({initiator.errors} by iscsi, {other.errors} by iscsi_target)")
    check(corrupt == 0 or card["corrupted"] > 0 or mebibytes < 128, "corruption happened")
    check(filecmp.cmp(source, back, shallow=False), "the same bytes came back")
    print(f"       frames: {card['data_frames']} with data, {card['retransmitted']} retransmitted, "
          f"{card['not_delivered']} not delivered, {card['not_fillable']} not fillable")
    source.unlink()
    back.unlink()
    return failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/offload_demo", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=1024, help="each way (1024)")
    parser.add_argument("--corrupt", type=int, default=10000, help="one PDU with data in so many (10000)")
    parser.add_argument("--model", default="frame-aligned", help="of both programs (frame-aligned)")
    options = parser.parse_args(arguments)
    try:
        programs = build()
    except subprocess.CalledProcessError as error:
        print(f"offload_demo: our programs do not build: {error}", file=sys.stderr)
        return 1
    failed = []
    for mtu, segment in SETUPS:
        with tempfile.TemporaryDirectory(prefix="isthmus-offload-") as folder:
            try:
                failed += run(programs, pathlib.Path(folder), mtu, segment, options.mebibytes, options.corrupt, options.model)
            except wire.Unavailable as reason:
                print(f"offload_demo: skipped: {reason}", file=sys.stderr)
                return 77
            except wire.Failure as error:
                print(f"  FAIL {error}")
                failed.append(f"MTU {mtu}: a program failed")
    print("FAILED: " + "; ".join(failed) if failed else "all of it holds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
