"""tools/bench embedding: what libisthmus costs a program that embeds it.

Bytes of the stripped shared library and of the static one; bytes of memory of a connection, a session and a task, by limits,
as the library itself says; instructions of a 4 KiB read and write, on each side, through isthmus.h and through the C++
classes, with and without digests. Instructions are counted by callgrind in bench/embedding_cost.cc, one side at a time, and
stay the same however busy the machine is; the digest kernel is `pclmul`, since valgrind knows no later instructions.

  tools/bench embedding                    measure and print; leaves .bench/embedding.json
  tools/bench embedding --update_docs      the same, and puts the tables into docs/embedding.md
"""

import argparse
import json
import pathlib
import re
import subprocess
import tempfile

from tools.benchmarks import page
from tools.delivery import tree
from tools.testing import bazel

_OUT = pathlib.Path(".bench")
_DOC = pathlib.Path("docs/embedding.md")
_COMMANDS = 200
# The C face converts structs and nothing else: above this share of the engine's own instructions something is wrong.
BAR_SHARE = 0.2


def _text(path: pathlib.Path) -> int:
    """Bytes of code and constants, of a library or of all objects of an archive."""
    table = subprocess.run(["size", path], check=True, stdout=subprocess.PIPE, text=True).stdout
    return sum(int(line.split()[0]) for line in table.splitlines()[1:])


def _instructions(program: pathlib.Path, *words: str) -> float:
    """Of one command, inside measured_step()."""
    with tempfile.NamedTemporaryFile(prefix="isthmus-callgrind-") as out:
        told = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=measured_step",
                               f"--callgrind-out-file={out.name}", program, *words, str(_COMMANDS)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if told.returncode != 0:
            raise SystemExit(f"{' '.join(words)}: {told.stdout}")
        return int(re.search(r"^(?:summary|totals): (\d+)", pathlib.Path(out.name).read_text(), re.M)[1]) / _COMMANDS


def measure() -> dict:
    built = bazel.build(bazel.OPTIMISED, [tree.LIBRARY, tree.ARCHIVE, "//bench:embedding_cost"])
    program = built / "bench/embedding_cost"
    with tempfile.TemporaryDirectory(prefix="isthmus-embedding-") as folder:
        files = tree.lay(built, pathlib.Path("/"), pathlib.Path(folder).resolve(), "lib", {"library", "development"})
        shared = next(path for path in files if path.name == "libisthmus.so.0")
        archive = next(path for path in files if path.name == "libisthmus.a")
        library = {"shared_bytes": shared.stat().st_size, "shared_text_bytes": _text(shared),
                   "static_text_bytes": _text(archive)}
    sizes = json.loads(subprocess.run([program, "sizes"], check=True, stdout=subprocess.PIPE, text=True).stdout)
    rows = [{"side": side, "what": what, "digests": digests,
             **{face: _instructions(program, face, side, what, digests) for face in ("cpp", "c")}}
            for side in ("target", "initiator") for what in ("read", "write") for digests in ("None", "CRC32C")]
    return {"library": library, "sizes": sizes, "instructions": rows}


def tables(measured: dict) -> list[str]:
    library, sizes = measured["library"], measured["sizes"]
    lines = ["`tools/bench embedding`.", "",
             "| library | KiB |", "| :--- | ---: |",
             f"| libisthmus.so.0, stripped | {library['shared_bytes'] / 1024:.0f} |",
             f"| of it code and constants | {library['shared_text_bytes'] / 1024:.0f} |",
             f"| libisthmus.a, code and constants; with `-Wl,--gc-sections` a program keeps what it uses | "
             f"{library['static_text_bytes'] / 1024:.0f} |", "",
             "| memory, by limits | target, bytes | initiator, bytes |", "| :--- | ---: | ---: |",
             f"| a connection, with the default limits | {sizes['target']['connection']} | "
             f"{sizes['initiator']['connection']} |"]
    of = {side: {int(depth): size for depth, size in sizes[side]["sessions"].items()} for side in ("target", "initiator")}
    for depth in of["target"]:
        lines.append(f"| a session of {depth} command{'s' if depth > 1 else ''} | {of['target'][depth]} | "
                     f"{of['initiator'][depth]} |")
    slope = {side: (by[128] - by[64]) / 64 for side, by in of.items()}
    lines += [f"| each further command (`command_slots`, `queue_depth`) | {slope['target']:.0f} | "
              f"{slope['initiator']:.0f} |", "",
              "| instructions of one command of 4 KiB | digests | C++ | isthmus.h | more |",
              "| :--- | :--- | ---: | ---: | ---: |"]
    for row in measured["instructions"]:
        more = row["c"] / row["cpp"] - 1
        lines.append(f"| {row['side']}, {row['what']} | {row['digests']} | {row['cpp']:.0f} | {row['c']:.0f} | "
                     f"{100 * more:.0f} % |")
    return lines


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench embedding", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update_docs", action="store_true", help="put the tables into docs/embedding.md")
    options = parser.parse_args(arguments)
    measured = measure()
    lines = tables(measured)
    print("\n".join(lines))
    _OUT.mkdir(exist_ok=True)
    (_OUT / "embedding.json").write_text(json.dumps(measured, indent=2) + "\n")
    if options.update_docs:
        page.put(_DOC, "tools/bench embedding:", "\n".join(lines))
    worst = max(row["c"] / row["cpp"] - 1 for row in measured["instructions"])
    good = worst <= BAR_SHARE
    print(f"{'passed' if good else 'FAILED'}: isthmus.h adds {100 * worst:.0f} % at most; the bar is {100 * BAR_SHARE:.0f} %")
    return 0 if good else 1
