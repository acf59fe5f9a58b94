"""tools/bench memory: resident bytes that iscsi_target spends on each idle session, and on each connection before its login.

Logs --sessions sessions in and holds them; what the target's anonymous memory (RssAnon of /proc) has grown by then, divided
by their number, is what one costs. "used" sessions have written and read 64 KiB before they rest. The kernel's socket
buffers are not in it. A session's memory is a sum of the limits that the daemon gives (--queue_depth above all); pages that
were never touched are not resident. "Before login": connections that sent nothing, a byte, or the beginning of a login
whose text is as long as text may be.

  tools/bench memory                       measure and print; leaves .bench/memory.json
  tools/bench memory --update_docs         the same, and puts the tables into docs/performance.md and docs/reliability.md
"""

import argparse
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from tools.benchmarks import page
from tools.peers import case, ours
from tools.testing import bazel

_OUT = pathlib.Path(".bench")
_DOC = pathlib.Path("docs/performance.md")
_RELIABILITY = pathlib.Path("docs/reliability.md")
# Above it something is wrong: the daemon is to serve several hundred connections in little memory.
BAR_BYTES = 640 << 10
# And of this --max_logins are anybody's to take.
BAR_STRANGER_BYTES = 96 << 10

# A Login Request (RFC 7143 section 11.12) of 8,000 bytes of text that goes on (C), all but the last byte of it.
_LOGIN = (bytes([0x43, 0x44, 0, 0, 0]) + (8000).to_bytes(3, "big") + bytes(40) + b"X-a=" + b"a" * 7995)
STRANGERS = {"sent nothing": b"", "sent one byte": b"\x43", "sent a long login but for a byte": _LOGIN}


def _resident(process_id: int) -> int:
    status = pathlib.Path(f"/proc/{process_id}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", status, re.MULTILINE).group(1)) << 10


def _settled(process_id: int) -> int:
    """Resident bytes, when they stay the same."""
    last = -1
    while (now := _resident(process_id)) != last:
        last = now
        time.sleep(0.3)
    return now


def measure(scene: case.Scene, sessions: int, depth: int, used: bool) -> float:
    name = f"depth{depth}{'used' if used else ''}"
    target = ours.Target(scene, ["ram:16M"], f"--queue_depth={depth}", "--threads=2", name=name)
    hold = bazel.build(bazel.OPTIMISED, ["//bench:hold_sessions"]) / "bench/hold_sessions"
    command = [hold, target.disk.portal, target.disk.iqn]

    def holding(count: int) -> tuple[subprocess.Popen, int]:
        process = subprocess.Popen([str(word) for word in [*command, count, *(["used"] if used else [])]],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        scene.defer(process.kill)
        if process.stdout.readline().strip() != "ready":
            raise case.Failure("hold_sessions could not log in")
        return process, _settled(target.running.pid)

    # A few first: what the first session of a thread brings is not each one's.
    few, before = holding(8)
    many, after = holding(sessions)
    for process in (few, many):
        process.stdin.close()
        process.wait()
    target.stop()
    return (after - before) / sessions


def measure_strangers(scene: case.Scene, count: int, sends: bytes, name: str) -> float:
    target = ours.Target(scene, ["ram:16M"], f"--max_logins={2 * count}", "--login_timeout_ms=600000", "--threads=2", name=name)
    host, port = target.disk.portal.rsplit(":", 1)

    def holding(number: int) -> tuple[list[socket.socket], int]:
        strangers = [socket.create_connection((host, int(port))) for _ in range(number)]
        for stranger in strangers:
            stranger.sendall(sends)
        time.sleep(0.3)
        return strangers, _settled(target.running.pid)

    few, before = holding(8)
    many, after = holding(count)
    for stranger in few + many:
        stranger.close()
    target.stop()
    return (after - before) / count


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench memory", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=400)
    parser.add_argument("--update_docs", action="store_true")
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory(prefix="isthmus-memory-") as folder, case.Scene(pathlib.Path(folder)) as scene:
        for depth in (32, 128):
            for used in (False, True):
                rows.append({"queue_depth": depth, "used": used,
                             "bytes": measure(scene, options.sessions, depth, used)})
        strangers = [{"before_login": what, "bytes": measure_strangers(scene, options.sessions, sends, f"stranger{i}")}
                     for i, (what, sends) in enumerate(STRANGERS.items())]
    lines = [f"`tools/bench memory --sessions={options.sessions}`.", "",
             "| `--queue_depth` | idle since login, KiB a session | after 64 KiB written and read, KiB |",
             "| ---: | ---: | ---: |"]
    for depth in (32, 128):
        fresh, used = (next(row["bytes"] for row in rows if row["queue_depth"] == depth and row["used"] == kind)
                       for kind in (False, True))
        lines.append(f"| {depth}{' (default)' if depth == 128 else ''} | {fresh / 1024:.0f} | {used / 1024:.0f} |")
    before_login = [f"`tools/bench memory --sessions={options.sessions}`.", "",
                    "| a connection that is not logged in | KiB |", "| --- | ---: |"]
    before_login += [f"| {row['before_login']} | {row['bytes'] / 1024:.0f} |" for row in strangers]
    print("\n".join(lines + [""] + before_login))
    _OUT.mkdir(exist_ok=True)
    (_OUT / "memory.json").write_text(json.dumps({"sessions": options.sessions, "cores": os.cpu_count(),
                                                  "rows": rows + strangers}, indent=2) + "\n")
    if options.update_docs:
        page.put(_DOC, "memory", "\n".join(lines))
        page.put(_RELIABILITY, "memory", "\n".join(before_login))
    passed = True
    for what, bar, of in (("a session", BAR_BYTES, rows), ("a connection before its login", BAR_STRANGER_BYTES, strangers)):
        good = max(row["bytes"] for row in of) <= bar
        passed = passed and good
        print(f"{'passed' if good else 'FAILED'}: at most {bar >> 10} KiB {what}")
    return 0 if passed else 1
