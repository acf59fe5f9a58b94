"""A wire between two network namespaces that a software network card owns, and our two programs on it.

    with Wire(folder, mtu=9000) as wire:
        wire.serve(["ram:64M"], "--offload=frame-aligned", ...)   # iscsi_target in the first namespace
        wire.iscsi("copy", path, wire.url(0), ...)                # iscsi in the second
        wire.card()                                               # what the card counted
"""

import json
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

IQN = "iqn.2026-11.example:offload"
PROGRAMS = {"iscsi_target": "//target/daemon:iscsi_target", "iscsi": "//initiator/cli:iscsi",
            "software_nic": "//transport/software_nic:software_nic"}


class Unavailable(Exception):
    """No TAP devices or namespaces are to be had here; the text says why."""


class Failure(Exception):
    """A program failed; the text holds what it printed."""


class Wire:
    """One card, one target and as many initiators as wanted. Ends what it started."""

    def __init__(self, programs: dict[str, pathlib.Path], folder: pathlib.Path, *card_flags: str, mtu: int = 9000):
        self._programs = programs
        self._folder = folder
        self._control = folder / "card"
        self._target: subprocess.Popen | None = None
        self._statistics = folder / "target.json"
        self._urls: list[str] = []
        self._card = subprocess.Popen([programs["software_nic"], f"--control={self._control}", f"--mtu={mtu}",
                                       *card_flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self._card.stdout.readline()
        if not line:
            raise Unavailable(self._card.communicate()[1].strip() or "software_nic says nothing")
        self._ends = json.loads(line)["ends"]

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *reason) -> None:
        for process in (self._target, self._card):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _inside(self, end: int, command: list) -> list[str]:
        return ["nsenter", f"--net={self._ends[end]['namespace']}", *map(str, command)]

    def device(self, model: str) -> str:
        """The value of --offload for this card."""
        if model == "software":
            return model
        name, *options = model.split(",")
        return ",".join([name, f"socket={self._control}", *options])

    def serve(self, luns: list[str], *flags: str, model: str = "software") -> None:
        """Starts iscsi_target; url() then names its disks."""
        command = [self._programs["iscsi_target"], f"--portal={self._ends[0]['address']}:3260", f"--target={IQN}",
                   *(f"--lun={lun}" for lun in luns), f"--stats={self._statistics}",
                   f"--offload={self.device(model)}", *flags]
        self._target = subprocess.Popen(self._inside(0, command), stdout=subprocess.PIPE, text=True)
        self._urls = [self._target.stdout.readline().strip() for _ in luns]
        if not all(re.match("iscsi://", url) for url in self._urls):
            raise Failure("iscsi_target does not listen")

    def url(self, lun: int = 0) -> str:
        return self._urls[lun]

    def iscsi(self, *arguments, model: str = "software", timeout_s: float = 1800) -> dict:
        """Runs iscsi --json, which must succeed: what it printed, and "cpu_s" and "elapsed_s"."""
        command = self._inside(1, [self._programs["iscsi"], "--json", f"--offload={self.device(model)}", *arguments])
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0:
            raise Failure(f"exit status {done.returncode}: {' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
        printed = json.loads(done.stdout.splitlines()[-1])
        printed["elapsed_s"] = time.monotonic() - start
        printed["cpu_s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return printed

    def stop_target(self) -> dict:
        """SIGTERM, which must be clean; its statistics, and "cpu_s"."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._target.send_signal(signal.SIGTERM)
        if self._target.wait(30) != 0:
            raise Failure("iscsi_target did not end cleanly")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        statistics = json.loads(self._statistics.read_text())
        statistics["cpu_s"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return statistics

    def tell(self, command: str) -> str:
        """A command to the card: "set corrupt=1000", "stats"."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.settimeout(10)
            control.connect(str(self._control))
            control.send(command.encode())
            return control.recv(65536).decode()

    def card(self) -> dict:
        return json.loads(self.tell("stats"))
