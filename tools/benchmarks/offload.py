"""tools/bench offload: digests by a network card, measured on real TCP between two network namespaces.

The link is software_nic, which owns the frames of both ends; everything above the frames is Linux's TCP and our two
programs. Needs TAP devices and namespaces (root). About five minutes.

  tools/bench offload                  measure and print; leaves .bench/offload.json
  tools/bench offload --update_docs    the same, and writes docs/offload_measured.md
  tools/bench offload --from_json=FILE prints an earlier run
"""

import argparse
import datetime
import itertools
import json
import os
import pathlib
import platform
import sys
import tempfile

from tools.offload import demo, wire

_OUT = pathlib.Path(".bench/offload.json")
_DOC = pathlib.Path("docs/offload_measured.md")
_KINDS = ["exactly_one_pdu", "several_pdus", "part_of_one_pdu", "out_of_order"]
_LARGEST = {1500: 1392, 9000: 8892}  # with timestamps: MTU - 40 - 12 - 56
_SEGMENTS = {1500: [512, 1024, 1392, 8192], 9000: [1024, 4096, 8192, 8892, 65536]}


class Run:
    """One copy to the disk and one back; what both programs and the card say."""

    def __init__(self, programs: dict, mebibytes: int, mtu: int, model: str, *card_flags: str, segment: int = 262144,
                 depth: int = 16, digests: bool = True):
        keys = [f"--MaxRecvDataSegmentLength={segment}"]
        query = "" if digests else "?header_digest=none&data_digest=none"
        flags = [] if digests else ["--header_digest=None", "--data_digest=None"]
        with tempfile.TemporaryDirectory(prefix="isthmus-offload-") as name:
            folder = pathlib.Path(name)
            source, back = demo.random_file(folder / "source", mebibytes), folder / "back"
            with wire.Wire(programs, folder, *card_flags, mtu=mtu) as link:
                link.serve([f"ram:{mebibytes}M"], *keys, *flags, model=model)
                disk = link.url() + query
                there = link.iscsi("copy", *keys, f"--depth={depth}", source, disk, model=model)
                again = link.iscsi("copy", *keys, f"--depth={depth}", disk, back, model=model)
                self.card = link.card()
                self.target = link.stop_target()
            if source.read_bytes() != back.read_bytes():
                raise wire.Failure("other bytes came back")
        self.gb = 2 * mebibytes * 2**20 / 1e9
        self.target_cpu_s = self.target["cpu_s"]
        self.initiator_cpu_s = there["cpu_s"] + again["cpu_s"]
        self.rate = self.gb * 1e3 / (there["seconds"] + again["seconds"])
        self._statistics = [there["sink"], again["source"], self.target]

    def total(self, direction: str, name: str) -> int:
        return sum(one[direction][name] for one in self._statistics)

    def frames(self) -> dict[str, int]:
        """Received frames with digests, by kind."""
        return {kind: sum(one["device"][f"frames_{'with_' if 'pdu' in kind else ''}{kind}"]
                          for one in self._statistics if "device" in one) for kind in _KINDS}

    def hit_rate(self) -> float:
        return demo.share(self.total("received", "data_digests_by_device"), self.total("received", "data_digests_by_software"))


def _aligned(programs: dict, mebibytes: int) -> list[dict]:
    rows = []
    for mtu, depth, send, offloads in itertools.product((1500, 9000), (1, 16), ("gathered", "one a segment"), (False, True)):
        for segment in _SEGMENTS[mtu]:
            model = "frame-aligned,segment=any,transmit=software" + (",send=gathered" if send == "gathered" else "")
            run = Run(programs, mebibytes, mtu, model, *(["--tso", "--gro"] if offloads else []), segment=segment, depth=depth)
            rows.append({"mtu": mtu, "segment": segment, "depth": depth, "send": send, "tso_gro": offloads,
                         "hit_rate": run.hit_rate(), "retransmitted": run.card["retransmitted"], **run.frames()})
    return rows


def _line(programs: dict, mebibytes: int) -> list[dict]:
    rows = []
    for recut in (0, 100, 20, 8, 4, 2, 1):
        run = Run(programs, mebibytes, 9000, "frame-aligned", f"--recut={recut}")
        moved = run.total("received", "data_digest_bytes_by_device") + run.total("received", "data_digest_bytes_by_software")
        rows.append({"recut": recut, "hit_rate": run.hit_rate(),
                     "software_bytes": run.total("received", "data_digest_bytes_by_software") / moved})
    return rows


def _cost(programs: dict, mebibytes: int) -> list[dict]:
    rows = []
    for mtu in (9000, 1500):
        aligned = _LARGEST[mtu]
        for name, model, segment, digests, offloads in (
                ("no digests, long PDUs", "software", 262144, False, True),
                ("software, long PDUs", "software", 262144, True, True),
                ("software, long PDUs, no TSO, no GRO", "software", 262144, True, False),
                ("no digests, PDUs that fit a frame", "software", aligned, False, True),
                ("software, PDUs that fit a frame", "software", aligned, True, True),
                ("software, each PDU a segment", "frame-aligned,transmit=software,receive=software", aligned, True, True),
                ("card checks, software inserts", "frame-aligned,transmit=software", aligned, True, True),
                ("card checks and inserts", "frame-aligned", aligned, True, True)):
            flags = ["--tso", "--gro"] if offloads else []
            runs = [Run(programs, mebibytes, mtu, model, *flags, segment=segment, digests=digests) for _ in range(3)]
            run = sorted(runs, key=lambda one: one.initiator_cpu_s + one.target_cpu_s)[1]
            rows.append({"mtu": mtu, "what": name, "segment": segment, "initiator": run.initiator_cpu_s / run.gb,
                         "target": run.target_cpu_s / run.gb, "rate": run.rate})
    return rows


def _regain(programs: dict, mebibytes: int) -> list[dict]:
    rows = []
    for fault in ("recut", "drop", "reorder", "duplicate"):
        run = Run(programs, mebibytes, 9000, "frame-aligned", f"--{fault}=200")
        counter = {"recut": "recut", "drop": "dropped", "reorder": "reordered", "duplicate": "duplicated"}[fault]
        rows.append({"fault": fault, "faults": run.card[counter],
                     "missed": run.total("received", "header_digests_by_software")})
    return rows


def _measure(mebibytes: int) -> dict:
    programs = demo.build()
    measured = {"machine": platform.processor() or platform.machine(), "kernel": platform.release(),
                "cpus": os.cpu_count(), "load": os.getloadavg()[0], "date": datetime.date.today().isoformat(),
                "mebibytes": mebibytes}
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    measured["machine"] = names[0] if names else measured["machine"]
    for name, step in (("aligned", _aligned), ("line", _line), ("cost", _cost), ("regain", _regain)):
        print(f"measuring: {name}", file=sys.stderr)
        measured[name] = step(programs, mebibytes * 4 if name in ("cost", "regain") else mebibytes)
    return measured


def report(measured: dict) -> str:
    """Markdown."""
    text = [f"Measured {measured['date']} on {measured['machine']}, {measured['cpus']} processors (shared; load "
            f"{measured['load']:.1f} at the start), Linux {measured['kernel']}, by `tools/bench offload --update_docs`; "
            f"{measured['mebibytes']} MiB each way a cell, copied by `iscsi` to `iscsi_target`'s RAM disk and back.", "",
            "Real: Linux's TCP, sockets, both programs, the bytes. Simulated: the card, which is a program that owns the "
            "frames of both ends through TAP devices; so its own processor time, and the rates, say nothing of hardware.", "",
            "## How often does a frame hold exactly one PDU?", "",
            "Share of received data digests that the card could accept, in percent. \"Gathered\": as many PDUs a `sendmsg` "
            "as there are. \"One a segment\": each PDU a message of its own with `MSG_EOR`. TCP_NODELAY always. Segment: "
            "MaxRecvDataSegmentLength, bytes. Retransmissions apart (last column: frames, all cells of the row).", "",
            "| MTU | segment | depth | gathered | gathered, TSO+GRO | one a segment | one a segment, TSO+GRO | retransmitted |",
            "|---:|---:|---:|---:|---:|---:|---:|---:|"]
    cells = {(row["mtu"], row["segment"], row["depth"], row["send"], row["tso_gro"]): row for row in measured["aligned"]}
    for mtu, segment, depth in dict.fromkeys(key[:3] for key in sorted(cells)):
        row = [cells[mtu, segment, depth, send, offloads] for send in ("gathered", "one a segment") for offloads in (False, True)]
        text.append(f"| {mtu} | {segment} | {depth} | " + " | ".join(f"{100 * cell['hit_rate']:.1f}" for cell in row)
                    + f" | {sum(cell['retransmitted'] for cell in row)} |")
    text += ["", "## Bytes digested in software", "",
             "Per byte received, against the hit rate; MTU 9000, one frame in N re-cut by the card. A straight line from 1 to 0:",
             "", "| one in N re-cut | hit rate | software bytes a byte | their sum |", "|---:|---:|---:|---:|"]
    text += [f"| {row['recut'] or 'none'} | {row['hit_rate']:.4f} | {row['software_bytes']:.4f} | "
             f"{row['hit_rate'] + row['software_bytes']:.4f} |" for row in measured["line"]]
    text += ["", "## Processor seconds a gigabyte", "",
             "User and system time of each program, median of three runs of four times the size. TSO and GRO are on but where "
             "noted. What the kernel does for a received frame is charged to whoever delivers it, here the card, so that this "
             "shows the sender's way through the kernel and the reader's copies, not the receiver's interrupts. With other work on "
             "the machine (the load above tells) cells scatter by half and more; smaller differences say nothing.", "",
             "| MTU | | segment | `iscsi` | `iscsi_target` | both | MB/s |", "|---:|---|---:|---:|---:|---:|---:|"]
    text += [f"| {row['mtu']} | {row['what']} | {row['segment']} | {row['initiator']:.3f} | {row['target']:.3f} | "
             f"{row['initiator'] + row['target']:.3f} | {row['rate']:.0f} |" for row in measured["cost"]]
    text += ["", *_verdicts(measured["cost"])]
    text += ["", "## From losing alignment to regaining it", "",
             "PDUs that software had to check, for each fault; one frame in 200, MTU 9000. Verdicts belong to bytes, so a PDU "
             "that comes late or twice, in a frame of its own, is still accepted; what is cut otherwise is not.", "",
             "| fault | how many | PDUs checked in software | PDUs a fault |", "|---|---:|---:|---:|"]
    text += [f"| {row['fault']} | {row['faults']} | {row['missed']} | {row['missed'] / max(1, row['faults']):.2f} |"
             for row in measured["regain"]]
    return "\n".join(text) + "\n"


def _verdicts(cost: list[dict]) -> list[str]:
    text = []
    for mtu in dict.fromkeys(row["mtu"] for row in cost):
        seconds = {row["what"]: row["initiator"] + row["target"] for row in cost if row["mtu"] == mtu}
        card, long = seconds["card checks and inserts"], seconds["software, long PDUs"]
        alone = seconds["software, each PDU a segment"]
        text.append(f"- MTU {mtu}: software digests cost {long - seconds['no digests, long PDUs']:+.3f} s/GB. Making each PDU a "
                    f"segment of its own costs {alone - long:+.3f}; what the card then does changes that by {card - alone:+.3f}. "
                    f"Together {card - long:+.3f}: small aligned PDUs cost {'more' if card > long else 'less'} than the digests "
                    "that they save.")
    return text


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench offload", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from_json", metavar="FILE", help="an earlier run")
    parser.add_argument("--mebibytes", type=int, default=32, help="each way and cell (32)")
    parser.add_argument("--update_docs", action="store_true", help="write docs/offload_measured.md")
    options = parser.parse_args(arguments)
    if options.from_json:
        measured = json.loads(pathlib.Path(options.from_json).read_text())
    else:
        try:
            measured = _measure(options.mebibytes)
        except (wire.Unavailable, wire.Failure) as error:
            print(f"bench offload: {error}", file=sys.stderr)
            return 1
        _OUT.parent.mkdir(exist_ok=True)
        _OUT.write_text(json.dumps(measured, indent=1))
    print(report(measured))
    if options.update_docs:
        _DOC.write_text("# Digest offload, measured\n\nWhat a card that checks one PDU a frame can do on real TCP, and what it "
                        "costs. The models and rules are in [offload.md](offload.md). The whole claim (1 GiB each way, one PDU "
                        "in 10,000 corrupted, each caught) is `tools/offload_demo`.\n\n" + report(measured))
    return 0
