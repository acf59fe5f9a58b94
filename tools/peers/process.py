"""Processes of the peers: started, waited for until they answer, stopped by their process id."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class TimeOut(Exception):
    """A program or peer took longer than allowed."""


def _environment(extra: dict | None) -> dict:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return os.environ | {"PATH": f"{path}:/usr/sbin:/sbin", "LC_ALL": "C"} | (extra or {})


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Running:
    """A program in the background; what it prints goes to `log`."""

    def __init__(self, command: list[str], log: pathlib.Path, environment: dict | None = None):
        self.command = command
        self.log = log
        with open(log, "wb") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                             env=_environment(environment), preexec_fn=_die_with_parent)

    @property
    def pid(self) -> int:
        return self._process.pid

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, condition, what: str, timeout_s: float = 30) -> object:
        """Polls `condition()` until it is true, and returns it; the program's end or the time ends the wait."""
        deadline = time.monotonic() + timeout_s
        while not (answer := condition()):
            if self._process.poll() is not None:
                raise TimeOut(f"{self.command[0]} ended with {self._process.returncode} before {what}:\n"
                              + self.text()[-3000:])
            if time.monotonic() > deadline:
                raise TimeOut(f"{self.command[0]}: not {what} after {timeout_s} s:\n" + self.text()[-3000:])
            time.sleep(0.05)
        return answer

    def wait(self, timeout_s: float) -> int:
        """Waits for its own end; the exit status."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeOut(f"{self.command[0]}: still running after {timeout_s} s:\n" + self.text()[-3000:]) from None

    def kill(self) -> None:
        """SIGKILL: the end without warning."""
        self._process.kill()
        self._process.wait()

    def stop(self, timeout_s: float = 10) -> int:
        """SIGTERM, then SIGKILL if that does not end it; the exit status."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        return self._process.returncode


def run(command: list[str], timeout_s: float, environment: dict | None = None) -> tuple[int, str]:
    """Runs a program to its end: (exit status, output of both streams)."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout_s, env=_environment(environment), preexec_fn=_die_with_parent)
    except subprocess.TimeoutExpired as error:
        tail = (error.stdout or b"").decode(errors="replace")[-3000:]
        raise TimeOut(f"still running after {timeout_s} s: {' '.join(command)}\n{tail}") from None
    return done.returncode, done.stdout.decode(errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
