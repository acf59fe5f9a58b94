"""tools/bench offload: digests by a network card, measured on real TCP between two network namespaces.

The link is software_nic, which owns the frames of both ends; everything above the frames is Linux's TCP and our two
programs. Needs TAP devices and namespaces (root), but for `models`. About fifteen minutes.

  tools/bench offload                        measure and print; leaves .bench/offload.json and the plots
  tools/bench offload --parts=aligned,line   of aligned, line, cost, regain, models; the others as last measured
  tools/bench offload --update_docs          the same, and puts tables and plots into docs/offload.md
  tools/bench offload --from_json=FILE       prints an earlier run
"""

import argparse
import collections
import datetime
import itertools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

from tools.benchmarks import page
from tools.offload import demo, wire
from tools.testing import bazel

_OUT = pathlib.Path(".bench/offload.json")
_DOC = pathlib.Path("docs/offload.md")
_PLOTS = {"aligned": "offload_aligned.svg", "line": "offload_line.svg"}
_PARTS = ("aligned", "line", "cost", "regain", "models")
_ROUNDS = 5
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


_SETUPS = [  # name, model, MaxRecvDataSegmentLength (0: the largest aligned), digests, TSO and GRO
    ("no digests, long PDUs", "software", 262144, False, True),
    ("software, long PDUs", "software", 262144, True, True),
    ("software, long PDUs, no TSO, no GRO", "software", 262144, True, False),
    ("no digests, PDUs that fit a frame", "software", 0, False, True),
    ("software, PDUs that fit a frame", "software", 0, True, True),
    ("software, each PDU a segment", "frame-aligned,transmit=software,receive=software", 0, True, True),
    ("card checks, software inserts", "frame-aligned,transmit=software", 0, True, True),
    ("card checks and inserts", "frame-aligned", 0, True, True)]


def _cost(programs: dict, mebibytes: int) -> list[dict]:
    """All set-ups in turn, several times over: what disturbs the machine for a while disturbs all of them."""
    samples = collections.defaultdict(list)
    for turn in range(_ROUNDS):
        for mtu in (9000, 1500):
            for setup in _SETUPS[turn % len(_SETUPS):] + _SETUPS[:turn % len(_SETUPS)]:
                name, model, segment, digests, offloads = setup
                run = Run(programs, mebibytes, mtu, model, *(["--tso", "--gro"] if offloads else []),
                          segment=segment or _LARGEST[mtu], digests=digests)
                samples[mtu, name].append((run.initiator_cpu_s / run.gb, run.target_cpu_s / run.gb, run.rate))
    rows = []
    for mtu, (name, _, segment, _, _) in itertools.product((9000, 1500), _SETUPS):
        runs = samples[mtu, name]
        both = sorted(there + here for there, here, _ in runs)
        rows.append({"mtu": mtu, "what": name, "segment": segment or _LARGEST[mtu],
                     "initiator": statistics.median(run[0] for run in runs), "target": statistics.median(run[1] for run in runs),
                     "both": statistics.median(both), "least": both[0], "most": both[-1],
                     "rate": statistics.median(run[2] for run in runs)})
    return rows


def _models() -> list[dict]:
    """What receiver and sender do for a byte, without sockets, by model: nanoseconds a byte are seconds a gigabyte."""
    folder = bazel.build(bazel.OPTIMISED, ["//bench:offload_bench"])
    done = subprocess.run([folder / "bench/offload_bench", "--benchmark_format=json", "--benchmark_min_time=0.1",
                           "--benchmark_repetitions=7", "--benchmark_enable_random_interleaving=true"],
                          capture_output=True, text=True, check=True)
    samples = collections.defaultdict(list)
    software = {}
    for row in json.loads(done.stdout)["benchmarks"]:
        if row.get("error_occurred"):
            raise wire.Failure(f"{row['name']}: {row.get('error_message')}")
        if row["run_type"] != "iteration":
            continue
        _, way, who, size = row["run_name"].split("/")[:4]
        samples[way, who, int(size)].append(1e9 / row["bytes_per_second"])
        software[way, who, int(size)] = row.get("software_bytes_a_byte", 0)
    return [{"way": way, "who": who, "size": size, "s_per_gb": statistics.median(times), "least": min(times), "most": max(times),
             "software_bytes": software[way, who, size]} for (way, who, size), times in samples.items()]


def _regain(programs: dict, mebibytes: int) -> list[dict]:
    rows = []
    for fault in ("recut", "drop", "reorder", "duplicate"):
        run = Run(programs, mebibytes, 9000, "frame-aligned", f"--{fault}=200")
        counter = {"recut": "recut", "drop": "dropped", "reorder": "reordered", "duplicate": "duplicated"}[fault]
        rows.append({"fault": fault, "faults": run.card[counter],
                     "missed": run.total("received", "header_digests_by_software")})
    return rows


def _measure(mebibytes: int, parts: list[str], measured: dict) -> dict:
    programs = demo.build()
    measured |= {"machine": platform.processor() or platform.machine(), "kernel": platform.release(),
                 "cpus": os.cpu_count(), "load": os.getloadavg()[0], "date": datetime.date.today().isoformat(),
                 "mebibytes": mebibytes}
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    measured["machine"] = names[0] if names else measured["machine"]
    for name, step in (("aligned", _aligned), ("line", _line), ("cost", _cost), ("regain", _regain)):
        if name in parts:
            print(f"measuring: {name}", file=sys.stderr)
            measured[name] = step(programs, mebibytes * 4 if name in ("cost", "regain") else mebibytes)
    if "models" in parts:
        print("measuring: models", file=sys.stderr)
        measured["models"] = _models()
    return measured


def draw(measured: dict, folder: pathlib.Path) -> None:
    """The plots of (1) and (2)."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams["svg.hashsalt"] = "isthmus"
    matplotlib.rcParams["svg.fonttype"] = "none"
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    for plot, mtu in zip(axes, (1500, 9000)):
        for send, depth, style in (("one a segment", 1, "o-"), ("one a segment", 16, "x--"), ("gathered", 1, "s-"),
                                   ("gathered", 16, "^--")):
            points = [(row["segment"], 100 * row["hit_rate"]) for row in measured["aligned"]
                      if (row["mtu"], row["send"], row["depth"], row["tso_gro"]) == (mtu, send, depth, True)]
            plot.plot(*zip(*sorted(points)), style, label=f"{send}, depth {depth}")
        plot.set_xscale("log", base=2)
        ticks = sorted({row["segment"] for row in measured["aligned"] if row["mtu"] == mtu})
        plot.set_xticks(ticks, [str(tick) for tick in ticks], rotation=45)
        plot.axvline(_LARGEST[mtu], color="grey", linewidth=0.8, linestyle=":")
        plot.set_title(f"MTU {mtu}")
        plot.set_xlabel("MaxRecvDataSegmentLength, bytes (dotted: the largest aligned)")
        plot.grid(alpha=0.3)
    axes[0].set_ylabel("frames that hold exactly one PDU, %")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(folder / _PLOTS["aligned"], metadata={"Date": None})
    figure, plot = pyplot.subplots(figsize=(6, 4.5))
    points = sorted((row["hit_rate"], row["software_bytes"]) for row in measured["line"])
    plot.plot([0, 1], [1, 0], color="grey", linewidth=0.8, label="1 - hit rate")
    plot.plot(*zip(*points), "o", label="measured")
    plot.set_xlabel("hit rate: data digests accepted from the card")
    plot.set_ylabel("bytes digested in software, a byte")
    plot.grid(alpha=0.3)
    plot.legend()
    figure.tight_layout()
    figure.savefig(folder / _PLOTS["line"], metadata={"Date": None})


def report(measured: dict) -> str:
    """Markdown."""
    text = [f"Measured {measured['date']} on {measured['machine']}, {measured['cpus']} processors (shared; load "
            f"{measured['load']:.1f} at the start), Linux {measured['kernel']}, by `tools/bench offload --update_docs`; "
            f"{measured['mebibytes']} MiB each way a cell, copied by `iscsi` to `iscsi_target`'s RAM disk and back.", "",
            "Real: Linux's TCP, sockets, both programs, the bytes. Simulated: the card, which is a program that owns the "
            "frames of both ends through TAP devices; so its own processor time, and the rates, say nothing of hardware.", "",
            "### How often does a frame hold exactly one PDU?", "",
            f"![By MaxRecvDataSegmentLength]({_PLOTS['aligned']})", "",
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
    text += ["", "### Bytes digested in software", "",
             f"![Against the hit rate]({_PLOTS['line']})", "",
             "Per byte received, against the hit rate; MTU 9000, one frame in N re-cut by the card. A straight line from 1 to 0:",
             "", "| one in N re-cut | hit rate | software bytes a byte | their sum |", "|---:|---:|---:|---:|"]
    text += [f"| {row['recut'] or 'none'} | {row['hit_rate']:.4f} | {row['software_bytes']:.4f} | "
             f"{row['hit_rate'] + row['software_bytes']:.4f} |" for row in measured["line"]]
    text += ["", "### Processor seconds a gigabyte, on real TCP", "",
             f"User and system time of each program, medians of {_ROUNDS} rounds through all set-ups, {4 * measured['mebibytes']} MiB "
             "each way; in brackets the least and the most of both together. TSO and GRO are on but where noted. What the kernel does "
             "for a received frame is charged to whoever delivers it, here the card, so that this shows the sender's way through the "
             "kernel and the reader's copies, not the receiver's interrupts.", "",
             "| MTU | | segment | `iscsi` | `iscsi_target` | both | | MB/s |", "|---:|---|---:|---:|---:|---:|---|---:|"]
    text += [f"| {row['mtu']} | {row['what']} | {row['segment']} | {row['initiator']:.3f} | {row['target']:.3f} | "
             f"{row['both']:.3f} | [{row['least']:.2f}, {row['most']:.2f}] | {row['rate']:.0f} |" for row in measured["cost"]]
    text += ["", *_verdicts(measured["cost"])]
    text += ["", *_by_model(measured["models"])]
    text += ["", "### From losing alignment to regaining it", "",
             "PDUs that software had to check, for each fault; one frame in 200, MTU 9000. Verdicts belong to bytes, so a PDU "
             "that comes late or twice, in a frame of its own, is still accepted; what is cut otherwise is not.", "",
             "| fault | how many | PDUs checked in software | PDUs a fault |", "|---|---:|---:|---:|"]
    text += [f"| {row['fault']} | {row['faults']} | {row['missed']} | {row['missed'] / max(1, row['faults']):.2f} |"
             for row in measured["regain"]]
    return "\n".join(text) + "\n"


def _difference(less: dict, more: dict) -> str:
    """What `more` costs beyond `less`, and whether the runs can tell."""
    low, high = more["least"] - less["most"], more["most"] - less["least"]
    word = "" if low > 0 or high < 0 else ", which these runs cannot tell from nothing"
    return f"{more['both'] - less['both']:+.3f} s/GB (between {low:+.2f} and {high:+.2f}{word})"


def _verdicts(cost: list[dict]) -> list[str]:
    text = []
    for mtu in dict.fromkeys(row["mtu"] for row in cost):
        rows = {row["what"]: row for row in cost if row["mtu"] == mtu}
        card, long = rows["card checks and inserts"], rows["software, long PDUs"]
        alone = rows["software, each PDU a segment"]
        text += [f"- MTU {mtu}: software digests cost {_difference(rows['no digests, long PDUs'], long)};",
                 f"  making each PDU a segment of its own {_difference(long, alone)};",
                 f"  what the card then does changes that by {_difference(alone, card)}.",
                 f"  Together {_difference(long, card)}: small aligned PDUs cost {'more' if card['both'] > long['both'] else 'less'} "
                 "than the digests that they save."]
    return text


def _by_model(models: list[dict]) -> list[str]:
    cells = {(row["way"], row["who"], row["size"]): row for row in models}
    sizes = sorted({row["size"] for row in models})
    names = list(dict.fromkeys(row["who"] for row in models if row["way"] == "receive"))
    names.sort(key=lambda name: ["off", "software"].index(name) if name in ("off", "software") else 2)
    text = ["### Processor seconds a gigabyte, by model", "",
            "Of receiver and sender alone, no sockets (`//bench:offload_bench`, medians of 7): what the host still does for a byte, by "
            "what a device says of it. All devices but `software` are simulated, and their own time is left out. PDUs fill a frame of "
            "MTU 9000 or are cut over several. `off`: no digests. Receiving includes one copy to the destination, but where the device "
            "has placed the data; sending one copy to the socket.", "",
            "| | " + " | ".join(f"{size} B" for size in sizes) + " |", "|---|" + "---:|" * len(sizes)]
    for way, those in (("receive", names), ("send", ["off", "software", "device"])):
        for name in those:
            text.append(f"| {way}: {name} | " + " | ".join(
                f"{cells[way, name, size]['s_per_gb']:.4f}" for size in sizes) + " |")
    return text


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench offload", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from_json", metavar="FILE", help="an earlier run")
    parser.add_argument("--mebibytes", type=int, default=32, help="each way and cell (32)")
    parser.add_argument("--update_docs", action="store_true", help="tables and plots into docs/offload.md")
    parser.add_argument("--parts", default=",".join(_PARTS), help="what to measure (all); the rest from .bench/offload.json")
    options = parser.parse_args(arguments)
    parts = options.parts.split(",")
    if set(parts) - set(_PARTS):
        parser.error(f"--parts: of {', '.join(_PARTS)}")
    if options.from_json:
        measured = json.loads(pathlib.Path(options.from_json).read_text())
    else:
        measured = json.loads(_OUT.read_text()) if _OUT.exists() and set(parts) != set(_PARTS) else {}
        try:
            measured = _measure(options.mebibytes, parts, measured)
        except (wire.Unavailable, wire.Failure) as error:
            print(f"bench offload: {error}", file=sys.stderr)
            return 1
        _OUT.parent.mkdir(exist_ok=True)
        _OUT.write_text(json.dumps(measured, indent=1))
    missing = [part for part in _PARTS if part not in measured]
    if missing:
        print(f"not measured yet: {', '.join(missing)}")
        return 0
    print(report(measured))
    try:
        draw(measured, _DOC.parent if options.update_docs else _OUT.parent)
    except ImportError:
        print("no plots: python3-matplotlib is not installed", file=sys.stderr)
    if options.update_docs:
        page.put(_DOC, "tools/bench offload:", report(measured))
    return 0
