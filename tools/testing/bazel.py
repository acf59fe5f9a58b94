"""Runs `bazel test` and counts what its test programs report: GoogleTest's cases one by one, a script as one."""

import json
import pathlib
import subprocess
import tempfile
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

from tools.testing.outcome import Outcome

ROOT = pathlib.Path(__file__).resolve().parents[2]

OPTIMISED = ["-c", "opt", "--config=gcc", "--platform_suffix=-gcc"]

# Plain output, for a log as well as for a terminal.
_QUIET = ["--color=no", "--curses=no", "--noshow_progress", "--noshow_loading_progress", "--test_summary=none"]


def test(options: list[str], targets: list[str]) -> Outcome:
    """Builds `targets` and runs the tests among them; goes on after failures."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bazel-") as folder:
        events = pathlib.Path(folder) / "events.json"
        command = ["bazel", "test", "--keep_going", f"--build_event_json_file={events}", *_QUIET, *options, "--", *targets]
        print("+", " ".join(command))
        status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL).returncode
        outcome = _read_events(events) if events.exists() else Outcome()
    if status != 0 and not outcome.failed:
        outcome.failed.append(f"bazel test ended with status {status}")
    return outcome


def build(options: list[str], targets: list[str]) -> pathlib.Path:
    """Builds `targets`; the folder that holds their outputs. Raises CalledProcessError."""
    subprocess.run(["bazel", "build", *_QUIET, *options, "--", *targets],
                   cwd=ROOT, stdin=subprocess.DEVNULL, check=True)
    folder = subprocess.run(["bazel", "info", *options, "bazel-bin"], cwd=ROOT, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    return pathlib.Path(folder.strip())


def _read_events(path: pathlib.Path) -> Outcome:
    """Sums a build event file: https://bazel.build/remote/bep (targetCompleted and testResult)."""
    outcome = Outcome()
    attempts = {}  # The last attempt of each (label, run, shard) counts.
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if "targetCompleted" in event["id"]:
            if not event.get("completed", {}).get("success"):
                outcome.failed.append(event["id"]["targetCompleted"]["label"] + ": does not build")
        elif "testResult" in event["id"]:
            where = event["id"]["testResult"]
            attempts[where["label"], where.get("run"), where.get("shard")] = event.get("testResult", {})
    for (label, _, _), result in attempts.items():
        outcome.add(_read_result(label, result))
    return outcome


def _read_result(label: str, result: dict) -> Outcome:
    outcome = Outcome()
    for output in result.get("testActionOutput", []):
        if output["name"] == "test.xml":
            url = urllib.parse.urlparse(output["uri"])
            outcome = read_xml(label, pathlib.Path(urllib.request.url2pathname(url.path)))
    status = result.get("status", "without a result")
    if status != "PASSED" and not outcome.failed:
        outcome.failed.append(f"{label}: {status}")
    if status == "PASSED" and not (outcome.passed or outcome.skipped):
        outcome.failed.append(f"{label}: ran no test")
    return outcome


def read_xml(label: str, path: pathlib.Path) -> Outcome:
    """Counts the cases of one test.xml, GoogleTest's or Bazel's own."""
    outcome = Outcome()
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return outcome  # A crash may cut it short; the caller counts by the status then.
    for case in cases:
        name = f"{label} {case.get('classname', '')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed.append(name)
        elif case.get("status") == "notrun":
            outcome.skipped.append(f"{name}: disabled")
        elif case.get("result") == "skipped" or case.find("skipped") is not None:
            reason = case.find("skipped")
            text = reason.get("message", "") if reason is not None else ""
            outcome.skipped.append(f"{name}: {' '.join(text.split())}")
        else:
            outcome.passed += 1
    return outcome
