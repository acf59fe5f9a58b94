"""tools/bench loopback: our two programs over the loopback, beside bare TCP, tgt and libiscsi's client, in one run.

  copy      1 GiB (--mebibytes) between a file in memory and a memory disk, digests off and on, in and out, beside a bare
            send and receive loop of the same block size
  perf      libiscsi's iscsi-perf: 4 KiB and 64 KiB reads, depth 1 and 32, at iscsi_target and at tgt
  client    libiscsi's iscsi-perf (which knows no data digest) and `iscsi bench`, 4 and 64 KiB reads at depth 32, at one
            iscsi_target: what digests cost each
  idle      processor time of an idle iscsi_target, which has served a session, over 5 seconds

Each row alternates its contestants --rounds times and takes medians, so that a disturbance meets all of them. What digests
cost a copy is the median of the ratios of neighbours, each of two copies that ran one after the other; the quartiles stand
beside it, and the processor time of both programs, which scatters less.

  tools/bench loopback                       measure and print; leaves .bench/loopback.json
  tools/bench loopback --update_docs         the same, and puts the tables into docs/performance.md and docs/digest.md
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import statistics
import subprocess
import tempfile
import time

from tools.benchmarks import page
from tools.peers import case, ours, tgt
from tools.testing import bazel

_OUT = pathlib.Path(".bench")
_DOC, _DIGEST_DOC = pathlib.Path("docs/performance.md"), pathlib.Path("docs/digest.md")
_BLOCK = 256 << 10
_COPIES = ("copy in, digests off", "copy in, both digests", "copy out, digests off", "copy out, both digests")
_OFF, _ON = {"header_digest": "none", "data_digest": "none"}, {"header_digest": "crc32c", "data_digest": "crc32c"}


def _bare(folder: pathlib.Path, size: int) -> float:
    output = subprocess.run([folder / "bench/bare_loop", str(size), str(_BLOCK)], check=True, capture_output=True, text=True)
    return size / json.loads(output.stdout)["seconds"] / 1e6


def _copy(scene: case.Scene, source, sink) -> float:
    output = ours.json_of(ours.iscsi(scene, "copy", source, sink, "--json", f"--block={_BLOCK}", "--depth=16"))
    return output["bytes_per_second"] / 1e6


def _processor_ms(pid: int) -> tuple[float, ...]:
    """User and system time so far of the programs that ran to their end, and of one that runs."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    tick_ms = 1000 / os.sysconf("SC_CLK_TCK")
    return ended.ru_utime * 1e3, ended.ru_stime * 1e3, int(fields[11]) * tick_ms, int(fields[12]) * tick_ms


def copies(scene: case.Scene, folder: pathlib.Path, mebibytes: int, rounds: int, kind: str) -> dict:
    """By contestant, of each round: MB/s, and the processor time of `iscsi` and `iscsi_target`."""
    size = mebibytes << 20
    shared = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    scene.defer(lambda: subprocess.run(["rm", "-rf", shared], check=False))
    source = shared / "source"
    with open(source, "wb") as out:
        for _ in range(mebibytes):
            out.write(os.urandom(1 << 20))
    lun = f"ram:{mebibytes}M"
    if kind == "file":
        with open(shared / "disk", "wb") as out:
            out.truncate(size)
        lun = f"file:{shared / 'disk'}"
    target = ours.Target(scene, [lun], name="copy")
    disk = target.disk
    seen: dict[str, list[float]] = {}
    spent: dict[str, list[list[float]]] = {}
    for _ in range(rounds):
        for name, run in (
                ("bare send and receive", lambda: _bare(folder, size)),
                (_COPIES[0], lambda: _copy(scene, source, disk.url(**_OFF))),
                (_COPIES[1], lambda: _copy(scene, source, disk.url(**_ON))),
                (_COPIES[2], lambda: _copy(scene, disk.url(**_OFF), shared / "sink")),
                (_COPIES[3], lambda: _copy(scene, disk.url(**_ON), shared / "sink"))):
            before = _processor_ms(target.running.pid)
            seen.setdefault(name, []).append(run())
            after = _processor_ms(target.running.pid)
            spent.setdefault(name, []).append([late - early for late, early in zip(after, before)])
    return {"rates": seen, "processor_ms": spent}


def _iscsi_perf(scene: case.Scene, url: str, block: int, depth: int, seconds: int) -> float:
    output = scene.run(["iscsi-perf", "-b", block // 512, "-m", depth, "-t", seconds, url])
    rates = re.findall(r"iops average (\d+)", output)
    if not rates:
        raise case.Failure(f"iscsi-perf printed no rate:\n{output[-500:]}")
    return float(rates[-1])


def perf(scene: case.Scene, rounds: int, seconds: int) -> dict:
    """IOPS by block, depth and target. Both serve a file in memory."""
    shared = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
    scene.defer(lambda: subprocess.run(["rm", "-rf", shared], check=False))
    for name in ("ours", "tgt"):
        with open(shared / name, "wb") as out:
            for _ in range(64):
                out.write(os.urandom(1 << 20))
    disks = {"iscsi_target": ours.Target(scene, [f"file:{shared / 'ours'}"], name="perf").disk,
             "tgt": tgt.Tgt(scene).add("iqn.2026-11.example:perf", shared / "tgt")}
    result = {}
    for block in (4096, 65536):
        for depth in (1, 32):
            seen: dict[str, list[float]] = {name: [] for name in disks}
            for _ in range(rounds):
                for name, disk in disks.items():
                    seen[name].append(_iscsi_perf(scene, disk.url(), block, depth, seconds))
            result[f"{block >> 10} KiB, depth {depth}"] = {name: statistics.median(rates) for name, rates in seen.items()}
    return result


def clients(scene: case.Scene, rounds: int, seconds: int) -> dict:
    """IOPS of reads at depth 32, by block, client and digests."""
    disk = ours.Target(scene, ["ram:64M"], name="clients").disk

    def mine(block: int, keys: dict) -> float:
        output = ours.json_of(ours.iscsi(scene, "bench", disk.url(**keys), "--json", f"--block={block}", "--depth=32",
                                         f"--seconds={seconds}"))
        return output["iops"]

    contestants = {
        ("iscsi bench", "off"): lambda block: mine(block, _OFF),
        ("iscsi bench", "header"): lambda block: mine(block, {"header_digest": "crc32c", "data_digest": "none"}),
        ("iscsi bench", "both"): lambda block: mine(block, _ON),
        ("iscsi-perf", "off"): lambda block: _iscsi_perf(scene, disk.url(header_digest="none"), block, 32, seconds),
        ("iscsi-perf", "header"): lambda block: _iscsi_perf(scene, disk.url(header_digest="crc32c"), block, 32, seconds),
    }
    result: dict[str, dict] = {}
    for block in (4096, 65536):
        seen: dict[tuple, list[float]] = {}
        for _ in range(rounds):
            for key, run in contestants.items():
                seen.setdefault(key, []).append(run(block))
        for (client, digests), rates in seen.items():
            result.setdefault(f"{block >> 10} KiB, {client}", {})[digests] = statistics.median(rates)
    return result


def idle(scene: case.Scene) -> dict:
    """Milliseconds of processor time in 5 seconds, after it served a session."""
    target = ours.Target(scene, ["ram:16M"], name="idle")
    ours.iscsi(scene, "ping", target.disk.url())

    def spent() -> float:
        fields = pathlib.Path(f"/proc/{target.running.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    before = spent()
    time.sleep(5)
    return {"milliseconds in 5 s": spent() - before}


def _row(*cells) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def copy_table(run: dict) -> str:
    """The copies as Markdown."""
    rates, spent = run["copy"]["rates"], run["copy"]["processor_ms"]
    lines = [_row(f"{run['mebibytes']} MiB in requests of 256 KiB, depth 16", "MB/s", "to the bare loop",
                  "`iscsi`: user, system ms", "`iscsi_target`: user, system ms"), "| --- | ---: | ---: | ---: | ---: |"]
    bare = statistics.median(rates["bare send and receive"])
    for name, seen in rates.items():
        middle = statistics.median(seen)
        times = [f"{statistics.mean(column):.0f}" for column in zip(*spent[name])] if name in _COPIES else [""] * 4
        lines.append(_row(name, f"{middle:.0f}", f"{middle / bare:.2f}", " ".join(times[:2]), " ".join(times[2:])))
    for way in ("in", "out"):
        ratios = [on / off for on, off in zip(rates[f"copy {way}, both digests"], rates[f"copy {way}, digests off"])]
        low, middle, high = statistics.quantiles(ratios, n=4)
        lines.append(_row(f"copy {way}: both digests to digests off", f"{low:.2f} to {high:.2f}", f"{middle:.2f}", "", ""))
    return "\n".join(lines)


def tables(run: dict) -> str:
    """The run as Markdown; each ratio is of figures of this run."""
    lines = [f"{run['machine']}; {run['date']}; `tools/bench loopback --mebibytes={run['mebibytes']} --rounds={run['rounds']}`.",
             "", copy_table(run)]
    lines += ["", _row("`iscsi-perf`, reads", "iscsi_target, IOPS", "tgt, IOPS", "ratio"), "| --- | ---: | ---: | ---: |"]
    for name, rates in run["perf"].items():
        lines.append(_row(name, f"{rates['iscsi_target']:.0f}", f"{rates['tgt']:.0f}", f"{rates['iscsi_target'] / rates['tgt']:.2f}"))
    lines += ["", f"An idle target used {run['idle']['milliseconds in 5 s']:.0f} ms of processor time in 5 s."]
    return "\n".join(lines)


def client_table(run: dict) -> str:
    """What digests cost our client and libiscsi's, as Markdown; the ratios are to the same client without digests."""
    lines = [f"{run['machine']}; {run['date']}; `tools/bench loopback --rounds={run['rounds']}`.", "",
             _row("reads at depth 32 from one iscsi_target, IOPS", "no digest", "header digest", "both", "header to none",
                  "both to none"), "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, rates in run["clients"].items():
        both = rates.get("both")
        lines.append(_row(name, f"{rates['off']:.0f}", f"{rates['header']:.0f}", f"{both:.0f}" if both else "knows none",
                          f"{rates['header'] / rates['off']:.2f}", f"{both / rates['off']:.2f}" if both else "–"))
    return "\n".join(lines)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench loopback", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mebibytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement of IOPS")
    parser.add_argument("--disk", choices=["ram", "file"], default="ram", help="of the copies; a file lies in memory, too")
    parser.add_argument("--only", choices=["copy", "perf", "clients", "idle"], help="measure and print only this")
    parser.add_argument("--update_docs", action="store_true")
    arguments = parser.parse_args(words)
    folder = bazel.build(bazel.OPTIMISED, ["//bench:bare_loop"])
    run = {"machine": f"{os.cpu_count()} cores, {_processor()}, Linux {platform.release()}", "date": datetime.date.today().isoformat(),
           "mebibytes": arguments.mebibytes, "rounds": arguments.rounds}
    with tempfile.TemporaryDirectory() as name:
        for key, measure in (("copy", lambda scene: copies(scene, folder, arguments.mebibytes, arguments.rounds, arguments.disk)),
                             ("perf", lambda scene: perf(scene, arguments.rounds, arguments.seconds)),
                             ("clients", lambda scene: clients(scene, arguments.rounds, arguments.seconds)),
                             ("idle", idle)):
            if arguments.only not in (None, key):
                continue
            place = pathlib.Path(name) / key
            place.mkdir()
            with case.Scene(place) as scene:
                run[key] = measure(scene)
            print(key, json.dumps(run[key]), flush=True)
    if arguments.only:
        print(copy_table(run) if arguments.only == "copy" else "")
        return 0
    _OUT.mkdir(exist_ok=True)
    (_OUT / "loopback.json").write_text(json.dumps(run, indent=1) + "\n")
    print(tables(run), client_table(run), sep="\n\n")
    if arguments.update_docs:
        page.put(_DOC, "loopback", tables(run))
        page.put(_DIGEST_DOC, "loopback", client_table(run))
    return 0


def _processor() -> str:
    match = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return match.group(1) if match else platform.processor()
