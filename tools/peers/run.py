"""Runs the cases of the real peers: `tools/test peers [CASE...]`, where the beginning of a name takes all that match.

Two processes take the cases in turn, for most of a case is waiting; what a case prints comes out in one piece.
"""

import contextlib
import io
import multiprocessing
import pathlib
import shutil
import sys
import tempfile
import time
import traceback

from tools.peers import (case, cases_config, cases_hostile, cases_initiator, cases_offload, cases_referee, cases_simulator,
                         cases_target, ours, process)
from tools.testing.outcome import Outcome

CASES = [*cases_target.CASES, *cases_initiator.CASES, *cases_referee.CASES, *cases_offload.CASES,
         *cases_config.CASES, *cases_hostile.CASES, *cases_simulator.CASES]
_PROCESSES = 2


def run(names: list[str]) -> Outcome:
    chosen = [one for one in CASES if not names or any(one.name.startswith(name) for name in names)]
    total = Outcome()
    for name in names:
        if not any(one.name.startswith(name) for one in CASES):
            total.failed.append(f"peers {name}: no case begins like this")
    with contextlib.suppress(case.Failure):
        ours.program("iscsi")  # Builds, once for both; what that says each case says, too.
    with tempfile.TemporaryDirectory(prefix="isthmus-peers-") as folder:
        work = [(CASES.index(one), folder) for one in chosen]
        # Forked, so that a case need not be picklable; each worker ends what it started when it is told to end.
        with multiprocessing.get_context("fork").Pool(_PROCESSES) as pool:
            for outcome, text in pool.imap_unordered(_run_quietly, work):
                print(text, end="", flush=True)
                total.add(outcome)
    return total


def _run_quietly(work: tuple[int, str]) -> tuple[Outcome, str]:
    one = CASES[work[0]]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        outcome = _run_one(one, pathlib.Path(work[1]) / one.name)
    return outcome, said.getvalue()


def _run_one(one: case.Case, folder: pathlib.Path) -> Outcome:
    folder.mkdir()
    start = time.monotonic()
    outcome = Outcome()
    notes: list[str] = []
    try:
        if missing := one.missing():
            raise case.Skip(f"not installed: {', '.join(missing)}")
        with case.Scene(folder) as scene:
            notes = scene.notes
            answer = one.run(scene)
        outcome = answer if isinstance(answer, Outcome) else Outcome(passed=1)
        verdict = "passed" if not isinstance(answer, Outcome) else str(answer)
    except case.Skip as reason:
        verdict = f"skipped: {reason}"
        outcome.skipped.append(f"{one.name}: {reason}")
    except Exception as error:  # Whatever ends a case is its failure, and the next case runs all the same.
        verdict = "FAILED"
        text = str(error) if isinstance(error, (case.Failure, process.TimeOut)) else repr(error)
        print(f"--- {one.name}: {text}")
        if not isinstance(error, (case.Failure, process.TimeOut)):
            traceback.print_exc(file=sys.stdout)
        _print_logs(folder)
        outcome.failed.append(f"{one.name}: {text.splitlines()[0] if text else repr(error)}")
    for what in outcome.failed:
        if verdict != "FAILED":
            print(f"    FAILED {what}")
    print(f"{one.name:40} {time.monotonic() - start:6.1f} s  {verdict}" + "".join(f"; {note}" for note in notes))
    shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _print_logs(folder: pathlib.Path) -> None:
    for log in sorted(folder.glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        if lines:
            print(f"--- the end of {log.name}:")
            print("\n".join(lines[-30:]))
