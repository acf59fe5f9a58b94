"""tools/bench hostile: iscsi_hostile against our two programs and against stock peers, as tables.

Each group of tests runs against a fresh daemon (LIO: against one guest), so that one that a test has killed does not hide
the rest. The tables are about those peers; ours must pass all.

  tools/bench hostile                                    all peers; leaves .bench/hostile.json
  tools/bench hostile --peers=ours,tgt                   some of: ours, tgt, istgt, lio, iscsi, qemu
  tools/bench hostile --update_docs                      the same, and puts the tables into docs/reliability.md
  tools/bench hostile --peers= --update_docs             the tables only, from what .bench/hostile.json holds
"""

import argparse
import itertools
import json
import pathlib
import subprocess
import tempfile
import time

from tools.benchmarks import page
from tools.peers import case, cases_hostile, guest, hostile, image, istgt, lio, ours
from tools.peers.disk import Disk

_OUT = pathlib.Path(".bench")
_DOC = pathlib.Path("docs/reliability.md")
_minutes = 60.0
_PACKAGES = {"tgt": ("tgt",), "istgt": ("istgt",), "qemu": ("qemu-utils", "libiscsi-bin")}
# What iscsi_hostile says of the test behind which no login succeeds any more.
_DIED = "the target died"
_AGAIN = " (no login succeeded any more; the tests behind ran against a new one)"
_PEERS = {"ours": "iscsi_target", "tgt": "tgt", "istgt": "istgt", "lio": "LIO", "iscsi": "iscsi", "qemu": "QEMU (libiscsi)"}


def _groups(side: str) -> list[list[str]]:
    """The names of a side's tests, group by group."""
    with tempfile.TemporaryDirectory() as folder, case.Scene(pathlib.Path(folder)) as scene:
        lines = scene.run([ours.program("iscsi_hostile"), "--list"]).splitlines()
    names = [line.split()[0] for line in lines if line.startswith(side + ".")]
    return [list(group) for _, group in itertools.groupby(names, key=lambda name: name.split(".")[1])]


def _in_turn(peer: str, serve, flags: tuple, fresh: bool = True) -> hostile.Result:
    """`serve(scene)` starts a daemon, for each group a `fresh` one if so asked, and returns its disk and, or None, the one
    behind CHAP. A daemon that a test has ended is started again for the rest."""
    result = hostile.Result(peer)
    end = time.monotonic() + _minutes * 60
    left = _groups("target")
    while left and time.monotonic() < end:
        with tempfile.TemporaryDirectory(prefix="isthmus-hostile-") as folder, case.Scene(pathlib.Path(folder)) as scene:
            disk, chap = serve(scene)
            while left and time.monotonic() < end:
                part = hostile.attack_target(scene, peer, disk, chap, tests=tuple(left.pop(0)), flags=flags, timeout_s=3600)
                rest = [test["name"] for test in part.tests if test["text"] == "the peer is gone"]
                part.tests = [test for test in part.tests if test["name"] not in rest]
                result.add(part)
                print(f"{peer}: {len(result.tests)} tests done, {len(result.failed)} failed, up to {result.tests[-1]['name']}",
                      flush=True)
                if rest:
                    left.insert(0, rest)
                if rest or fresh:
                    break
    return result


def _ours() -> hostile.Result:
    return _in_turn("ours", cases_hostile.serve_ours, ("--login_deadline_s=15",))


def _tgt() -> hostile.Result:
    return _in_turn("tgt", cases_hostile.serve_tgt, ("--deadline_ms=500",))


def _istgt() -> hostile.Result:
    def serve(scene: case.Scene) -> tuple[Disk, None]:
        return istgt.serve(scene, image.empty(scene.folder / "disk", 16)), None
    return _in_turn("istgt", serve, ("--deadline_ms=500",))


def _lio() -> hostile.Result:
    account = {"userid": "alice", "password": "alices-own-secret", "userid_mutual": "bob", "password_mutual": "bobs-other-secret"}
    def serve(scene: case.Scene) -> tuple[Disk, Disk]:
        served = lio.Lio(scene, {"plain": {}, "chap": account})
        return served.disk("plain"), served.disk("chap")
    return _in_turn("lio", serve, ("--deadline_ms=1500",), fresh=False)  # a guest takes half a minute to start


def _iscsi() -> hostile.Result:
    with tempfile.TemporaryDirectory(prefix="isthmus-hostile-") as folder, case.Scene(pathlib.Path(folder)) as scene:
        return hostile.attack_iscsi(scene, cases_hostile.ACCOUNTS, flags=("--digests=on",))


def _qemu() -> hostile.Result:
    """libiscsi behind qemu-img; it has no data digest in this version."""
    remote = "driver=raw,file.driver=iscsi,file.transport=tcp,file.portal={address},file.target={name},file.lun=0"
    with tempfile.TemporaryDirectory(prefix="isthmus-hostile-") as folder, case.Scene(pathlib.Path(folder)) as scene:
        source = scene.folder / "data"
        source.write_bytes(b"w" * 65536)
        account = {"user": "alice", "secret": "alices-own-secret", "mutual_user": "bob", "mutual_secret": "bobs-other-secret"}
        return hostile.attack_initiator(
            scene, "qemu",
            {"read": ["timeout", "10", "qemu-img", "dd", "-U", "--image-opts", "if=" + remote, "of={file}", "bs=64k", "count=1"],
             "write": ["timeout", "10", "qemu-img", "bench", "--image-opts", "-w", "-c", "1", "-s", "64k", "-t", "none", remote],
             "discover": ["timeout", "10", "iscsi-ls", "iscsi://{address}"],
             # libiscsi's own program: QEMU has no mutual CHAP.
             "chap_read": ["timeout", "10", "iscsi-perf", "-b", "32", "-m", "1", "-t", "1",
                           "iscsi://alice%alices-own-secret@{address}/{name}/0?target_user=bob&target_password=bobs-other-secret"]},
            account, flags=("--digests=off",), timeout_s=3600)


def _table(results: list[hostile.Result], side: str) -> list[str]:
    chosen = [result for result in results if any(test["name"].startswith(side) for test in result.tests)]
    if not chosen:
        return []
    groups = list(dict.fromkeys(test["name"].split(".")[1] for result in chosen for test in result.tests))
    lines = ["| group | " + " | ".join(_PEERS[result.peer] for result in chosen) + " |", "|---|" + "---|" * len(chosen)]
    for group in groups:
        cells = []
        for result in chosen:
            tests = [test for test in result.tests if test["name"].split(".")[1] == group]
            count = {verdict: sum(test["verdict"] == verdict for test in tests) for verdict in ("pass", "fail", "not applicable")}
            cells.append(f"{count['pass']} / {count['fail']} / {count['not applicable']}" if tests else "")
        lines.append(f"| {group} | " + " | ".join(cells) + " |")
    cells = [f"**{len(result.passed)} / {len(result.failed)} / {len(result.not_applicable)}**" for result in chosen]
    return [*lines, "| **all** | " + " | ".join(cells) + " |"]


def _versions(results: list[hostile.Result]) -> str:
    """Which packages of Debian's those peers are."""
    packages = [package for result in results for package in _PACKAGES.get(result.peer, ())]
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout if packages else ""
    if any(result.peer == "lio" for result in results):
        shown += f"LIO of Linux {guest.kernel_version()}"
    return shown.removesuffix(", ")


def tables(results: list[hostile.Result]) -> str:
    lines = [f"Passed / failed / not applicable. {_versions(results)}.", "", *_table(results, "target."), ""]
    initiators = _table(results, "initiator.")
    if initiators:
        lines += [*initiators, ""]
    for result in results:
        died = [name for name in result.failed if _DIED in result.text(name)]
        other = [name for name in result.failed if name not in died]
        for what, names in (("Ended", died), ("Failed by", other)):
            if result.peer not in ("ours", "iscsi") and names:
                listed = ", ".join(f"`{name.split('.', 1)[1]}`" for name in names)
                lines += [f"{what} {_PEERS[result.peer]}{_AGAIN if what == 'Ended' else ''}: {listed}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools/bench hostile", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default="ours,tgt,istgt,lio,iscsi,qemu")
    parser.add_argument("--minutes", type=float, default=60, help="for each peer: no group begins later; those have no figures (60)")
    parser.add_argument("--update_docs", action="store_true", help="put the tables into docs/reliability.md")
    arguments = parser.parse_args(words)
    global _minutes
    _minutes = arguments.minutes
    run = {"ours": _ours, "tgt": _tgt, "istgt": _istgt, "lio": _lio, "iscsi": _iscsi, "qemu": _qemu}
    _OUT.mkdir(exist_ok=True)
    path = _OUT / "hostile.json"
    # Peers that are not run now keep what they got last.
    known = {row["peer"]: row["tests"] for row in json.loads(path.read_text())} if path.exists() else {}
    failed = False
    for peer in filter(None, arguments.peers.split(",")):
        try:
            result = run[peer]()
        except case.Skip as reason:
            print(f"{peer}: skipped: {reason}")
            continue
        known[peer] = result.tests
        failed = failed or (peer in ("ours", "iscsi") and bool(result.failed))
        for name in result.failed:
            print(f"{peer}: FAILED {name}: {result.text(name)}")
        path.write_text(json.dumps([{"peer": peer, "tests": tests} for peer, tests in known.items()], indent=1))
    results = [hostile.Result(peer, known[peer]) for peer in _PEERS if peer in known]
    text = tables(results)
    print(text)
    if arguments.update_docs:
        page.put(_DOC, "tools/bench hostile:", text)
    return 1 if failed else 0
