"""tools/bench digest: measures CRC32C, judges it against its bars, and prints and draws the result.

Builds //bench:digest_bench, runs it pinned to one processor, guarded against disturbance from outside, in three processes
(a few processes have some cells slow all along; docs/digest.md), and takes the median of
each cell's accepted samples. About two minutes on a quiet machine; a disturbed one takes longer, for the
guard waits for quiet moments. Ends with 1 if a bar does not hold.

  tools/bench digest                         measure, judge, print; leaves .bench/digest.json and .svg
  tools/bench digest --update_docs           the same, and puts tables and plot into docs/digest.md
  tools/bench digest --from_json=FILE        judges an earlier run
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

from tools.benchmarks import page

_OUT = ".bench"
_DOC = pathlib.Path("docs/digest.md")
_SIZES = [48, 56, 64, 68, 96, 256, 512, 1024, 1460, 4096, 8192, 16384, 65536, 262144, 1048576, 16777216]
_SMALL = _SIZES[:5]
_LARGE = _SIZES[5:]
_ORDER = ["selected", "portable", "sse42", "pclmul", "vpclmul", "avx512fold", "avx512", "armcrc", "armpmull", "armeor3",
          "isal", "chain", "read", "memcpy"]


class Cells:
    """The medians of a run, in nanoseconds, by kernel, mode and bytes."""

    def __init__(self, run: dict):
        self.context = run["context"]
        self.failed = []
        samples = collections.defaultdict(list)
        for row in run["benchmarks"]:
            if row.get("error_occurred"):
                self.failed.append(f"{row['name']}: {row.get('error_message', '')}")
            elif row["run_type"] == "iteration":
                _, kernel, mode, size = row["run_name"].split("/")
                samples[kernel, mode, int(size)].append(row["real_time"])
        self.ns = {cell: statistics.median(times) for cell, times in samples.items()}

    def time(self, kernel: str, mode: str, size: int) -> float | None:
        return self.ns.get((kernel, mode, size))

    def rate(self, kernel: str, mode: str, size: int) -> float | None:
        """GB/s, of 10^9 bytes."""
        ns = self.time(kernel, mode, size)
        if ns is None:
            return None
        pieces = {128: 64, 512: 16, 1448: 8, 4096: 16}[size] if mode == "gather" else 1
        return pieces * size / ns

    def kernels(self, mode: str) -> list[str]:
        there = {kernel for kernel, of_mode, _ in self.ns if of_mode == mode}
        return [kernel for kernel in _ORDER if kernel in there]


def _name(size: int) -> str:
    for unit, divisor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= 4096 and size % divisor == 0:
            return f"{size // divisor} {unit}"
    return f"{size} B"


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or under is None else over / under


def bars(cells: Cells) -> list[tuple[str, float | None, str, float, bool]]:
    """What has to hold: what it says, the ratio, its relation to the bar, the bar, and whether any machine can be
    judged by it, or only one with AVX-512 and VPCLMULQDQ."""
    time, rate = cells.time, cells.rate
    rows = []
    for size in (48, 56):
        rows.append((f"wait, {size} B: chain's time / ours", _ratio(time("chain", "wait", size),
                     time("selected", "wait", size)), ">=", 0.98, True))
    rows.append(("in a row, 48 B: our time / chain's", _ratio(time("selected", "hot", 48), time("chain", "hot", 48)),
                 "<=", 0.85, True))
    rows.append(("batch, 48 B: our time a header / chain's in a row",
                 _ratio(time("selected", "batch", 48), time("chain", "hot", 48)), "<=", 0.6, True))
    for size, bar in ((256, 2.4), (1024, 4.9), (1460, 5.0), (8192, 6.8), (65536, 7.3), (262144, 7.3)):
        rows.append((f"hot, {_name(size)}: ours / chain", _ratio(rate("selected", "hot", size),
                     rate("chain", "hot", size)), ">=", bar, False))
    for size in _SIZES[:-1]:
        rows.append((f"hot, {_name(size)}: ours / ISA-L", _ratio(rate("selected", "hot", size),
                     rate("isal", "hot", size)), ">", 1.0, False))
    rows.append(("cold, 256 KiB: ours / read", _ratio(rate("selected", "cold", 262144), rate("read", "cold", 262144)),
                 ">=", 0.9, False))
    for size in _SIZES[8:-1]:
        rows.append((f"48 B off alignment, {_name(size)}: offset / hot", _ratio(rate("selected", "offset", size),
                     rate("selected", "hot", size)), ">=", 0.95, False))
    for size in (4096, 8192, 16384, 65536, 262144):
        rows.append((f"copy, {_name(size)}: ours / memcpy, then ISA-L", _ratio(rate("selected", "copy", size),
                     rate("isal", "copy", size)), ">=", 1.4, False))
    rows.append(("copy, 256 KiB: ours / memcpy alone", _ratio(rate("selected", "copy", 262144),
                 rate("memcpy", "copy", 262144)), ">=", 0.95, False))
    return rows


def judge(cells: Cells) -> tuple[str, bool]:
    """The bars as a table, and whether all that could be judged hold."""
    full = "avx512" in cells.kernels("hot")
    lines = ["| bar | measured | wanted | |", "|---|---:|---:|---|"]
    holds = True
    unjudged = 0
    for what, ratio, relation, bar, everywhere in bars(cells):
        if ratio is None or not (full or everywhere):
            verdict = "not judged"
            unjudged += 1
        elif {">=": ratio >= bar, "<=": ratio <= bar, ">": ratio > bar}[relation]:
            verdict = "holds"
        else:
            verdict = "**MISSED**"
            holds = False
        shown = "-" if ratio is None else f"{ratio:.2f}"
        lines.append(f"| {what} | {shown} | {relation} {bar:g} | {verdict} |")
    if unjudged:
        lines.append(f"\n{unjudged} bars not judged: this machine offers no AVX-512 with VPCLMULQDQ, or the run left "
                     "their cells out.")
    return "\n".join(lines), holds


def _table(cells: Cells, mode: str, sizes: list[int], value, digits: int) -> str:
    lines = ["| | " + " | ".join(_name(size) for size in sizes) + " |", "|---|" + "---:|" * len(sizes)]
    for kernel in cells.kernels(mode):
        row = []
        for size in sizes:
            shown = value(kernel, mode, size)
            row.append("-" if shown is None else f"{shown:.{digits}f}")
        lines.append(f"| {kernel} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def _selected_against(cells: Cells) -> str:
    """Ratios of what is selected to what it is compared with, by size."""
    lines = ["| hot: `selected` / | " + " | ".join(_name(size) for size in _SIZES) + " |",
             "|---|" + "---:|" * len(_SIZES)]
    for other in ("chain", "isal", "read", "memcpy"):
        row = []
        for size in _SIZES:
            ratio = _ratio(cells.rate("selected", "hot", size), cells.rate(other, "hot", size))
            row.append("-" if ratio is None else f"{ratio:.2f}")
        lines.append(f"| {other} | " + " | ".join(row) + " |")
    return "\n".join(lines)


def report(cells: Cells) -> str:
    verdicts, _ = judge(cells)
    parts = [
        "### The bars\n\n" + verdicts,
        "### Ratios\n\n" + _selected_against(cells),
        "### Hot, GB/s\n\n" + _table(cells, "hot", _LARGE, cells.rate, 1),
        "### Small, in a row, ns a call\n\n" + _table(cells, "hot", _SMALL, cells.time, 2),
        "### Waiting for the digest before, ns a call\n\n" + _table(cells, "wait", _SIZES[:11], cells.time, 1),
        "### 48 bytes off alignment, GB/s\n\n" + _table(cells, "offset", _SIZES[7:], cells.rate, 1),
        "### Cold, GB/s\n\n" + _table(cells, "cold", _SIZES[7:], cells.rate, 1),
        "### Copy, GB/s of payload (`isal` and `chain`: memcpy, then the digest)\n\n"
        + _table(cells, "copy", _LARGE, cells.rate, 1),
        "### Streaming copy, cold, GB/s of payload\n\n" + _table(cells, "copycold", _SIZES[7:], cells.rate, 1),
        "### Gather lists, GB/s, by piece\n\n" + _table(cells, "gather", [128, 512, 1448, 4096], cells.rate, 1),
        "### A batch of headers, ns a header\n\n" + _table(cells, "batch", [48], cells.time, 2),
        "### Combine, ns, by the second part\n\n"
        + _table(cells, "combine", [512, 1460, 8192, 65535, 1048576, 16777212], cells.time, 1),
    ]
    return "\n\n".join(parts)


def draw(cells: Cells, path: str) -> None:
    """GB/s by size, with the limits."""
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams["svg.hashsalt"] = "isthmus"
    matplotlib.rcParams["svg.fonttype"] = "none"
    figure, axes = pyplot.subplots(figsize=(10, 6))
    for kernel in cells.kernels("hot"):
        points = [(size, cells.rate(kernel, "hot", size)) for size in _SIZES if cells.rate(kernel, "hot", size)]
        limit = kernel in ("read", "memcpy")
        style = "--" if limit else "-"
        width = 3 if kernel == "selected" else 1.3
        axes.plot(*zip(*points), style, linewidth=width, marker="." if not limit else None,
                  label=f"limit: {kernel}" if limit else kernel)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(_SIZES)
    axes.set_xticklabels([_name(size) for size in _SIZES], rotation=60)
    axes.set_yticks([1, 2, 5, 10, 20, 50, 100, 200])
    axes.set_yticklabels(["1", "2", "5", "10", "20", "50", "100", "200"])
    axes.minorticks_off()
    axes.set_ylabel("GB/s, hot")
    axes.set_title("CRC32C by size")
    axes.grid(alpha=0.3)
    axes.legend(ncol=2, fontsize="small")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _machine() -> str:
    model = "an unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    compiler = subprocess.run(["g++", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return f"{model}, {os.cpu_count()} processors, {platform.release()}, {compiler.splitlines()[0]}"


def _measure(path: str, processes: int, repetitions: int, extra: list[str]) -> None:
    subprocess.run(["bazel", "build", "-c", "opt", "//bench:digest_bench"], check=True)
    processor = max(os.sched_getaffinity(0))
    whole = None
    for _ in range(processes):
        command = ["taskset", "-c", str(processor), "bazel-bin/bench/digest_bench", "--guarded",
                   f"--benchmark_repetitions={repetitions}", "--benchmark_enable_random_interleaving=true",
                   f"--benchmark_out={path}", *extra]
        print("+", " ".join(command), file=sys.stderr)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as file:
            part = json.load(file)
        if whole is None:
            whole = part
        else:
            whole["benchmarks"] += part["benchmarks"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(whole, file)


def _update_docs(cells: Cells) -> None:
    draw(cells, "docs/digest.svg")
    date = datetime.datetime.fromisoformat(cells.context["date"]).date()
    page.put(_DOC, "tools/bench digest:",
             f"{_machine()}. `tools/bench digest --update_docs`, {date}, guarded: {cells.context['guarded']}; `selected` is "
             f"`{cells.context['selected']}`.\n\n![GB/s by size](digest.svg)\n\n{report(cells)}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench digest", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from_json", metavar="FILE", help="an earlier run")
    parser.add_argument("--processes", type=int, default=3, help="how often the benchmark starts (3)")
    parser.add_argument("--repetitions", type=int, default=3, help="accepted samples a cell of each process (3)")
    parser.add_argument("--update_docs", action="store_true", help="put tables and plot into docs/digest.md")
    parser.add_argument("rest", nargs="*", help="flags for digest_bench, after --")
    options = parser.parse_args(arguments)
    path = options.from_json
    if path is None:
        os.makedirs(_OUT, exist_ok=True)
        path = os.path.join(_OUT, "digest.json")
        _measure(path, options.processes, options.repetitions, options.rest)
    with open(path, encoding="utf-8") as file:
        cells = Cells(json.load(file))
    print(report(cells))
    for failure in cells.failed:
        print("no measurement:", failure)
    if options.update_docs:
        _update_docs(cells)
    else:
        try:
            draw(cells, os.path.join(_OUT, "digest.svg") if os.path.isdir(_OUT) else "digest.svg")
        except ImportError:
            print("no plot: python3-matplotlib is not installed", file=sys.stderr)
    _, holds = judge(cells)
    print("\nevery bar that could be judged holds" if holds else "\nA BAR IS MISSED")
    return 0 if holds and not cells.failed else 1
