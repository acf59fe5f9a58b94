"""libiscsi's conformance suite, iscsi-test-cu, test by test.

Its exit status counts a skipped test as passed, so its verbose output is read: each test passed, failed, or said
[SKIPPED]. A run without a summary, or whose counts are not the summary's, fails.
"""

import pathlib
import re

from tools.peers import case
from tools.testing.outcome import Outcome

NEEDS = ("iscsi-test-cu",)

_SUITE = re.compile(r"^Suite: (\S+)")
_TEST = re.compile(r"^  Test: (.+?) \.\.\.")
_SUMMARY = re.compile(r"^ +tests +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)", re.MULTILINE)


def run(scene: case.Scene, label: str, family: str, urls: list[str], timeout_s: float = 600) -> Outcome:
    """Runs the tests of `family` (ALL, SCSI, iSCSI, LINUX, or FAMILY.SUITE.TEST) on one URL or, multipath, two."""
    status, output = scene.run_any(["iscsi-test-cu", "-d", "-f", "-v", "-t", family, *urls], timeout_s=timeout_s)
    (scene.folder / f"{label}.log").write_text(output)
    outcome = parse(f"{label} {family}", output)
    summary = _SUMMARY.search(output)
    if not summary:
        raise case.Failure(f"iscsi-test-cu ended with {status}, without a summary:\n{output[-3000:]}")
    _, ran, passed, failed, _ = map(int, summary.groups())
    scene.equal((outcome.passed + len(outcome.skipped), len(outcome.failed)), (passed, failed),
                f"passed and failed tests of {ran} by the summary of iscsi-test-cu")
    if bool(failed) != (status != 0):
        raise case.Failure(f"iscsi-test-cu ended with {status} although {failed} tests failed")
    scene.check(ran, f"iscsi-test-cu knows no tests of {family}")
    return outcome


def hold_against(outcome: Outcome, document: pathlib.Path) -> Outcome:
    """A test that is skipped must be named, as SUITE.TEST, with its reason in `document`; else it fails."""
    listed = document.read_text() if document.exists() else ""
    answer = Outcome(outcome.passed, list(outcome.failed))
    for line in outcome.skipped:
        name = line.split(": ")[1]
        known = re.search(rf"\b{re.escape(name)}\b", listed)
        (answer.skipped if known else answer.failed).append(line if known else f"{line} (not in {document.name})")
    return answer


def parse(label: str, output: str) -> Outcome:
    """The outcome of each test in verbose output; what a failed or skipped test said comes with its name."""
    outcome = Outcome()
    suite = test = ""
    said: list[str] = []

    def end() -> None:
        if not test:
            return
        name = f"{label}: {suite}.{test}"
        text = "\n".join(said)
        skips = re.findall(r"\[SKIPPED\] *(.*)", text)
        if re.search(r"(^|\.\.\.)FAILED\b", text, re.MULTILINE):
            failures = re.findall(r"\[FAILED\] *(.*)|^ +1\. (.*)", text, re.MULTILINE)
            outcome.failed.append(f"{name}: {' '.join(''.join(pair) for pair in failures[:2])}")
        elif skips:
            outcome.skipped.append(f"{name}: {skips[0]}")
        elif re.search(r"(^|\.\.\.)passed\b", text, re.MULTILINE):
            outcome.passed += 1
        else:
            outcome.failed.append(f"{name}: neither passed nor failed")

    for line in output.splitlines():
        if line.startswith("Run Summary:"):
            break
        if match := _SUITE.match(line):
            end()
            suite, test, said = match.group(1), "", []
        elif match := _TEST.match(line):
            end()
            test, said = match.group(1), [line]
        else:
            said.append(line)
    end()
    return outcome
