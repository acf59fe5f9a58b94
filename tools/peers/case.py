"""A case: one named test with real peers, which passes, fails or is skipped with its reason.

    def _inquiry(scene):                      # what a case does: start peers, run programs, check what they say
        disk = subject.serve(scene)
        scene.check("Product" in scene.run(["iscsi-inq", disk.url()]), "no product in the answer")

    CASES = [Case("libiscsi.inquiry", _inquiry, needs=("iscsi-inq",))]

A new case is a function and one entry in the list of its file; a new file is one entry in run.py.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import typing

from tools.peers import process


class Skip(Exception):
    """What the case needs is not to be had here; the text says what."""


class Failure(Exception):
    """The case failed; the text says what was expected and what was seen."""


class Scene:
    """What a case works with: a folder of its own, programs that end with it, and checks.

    Everything started through a scene is stopped, by its process id, when the case ends.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.notes: list[str] = []
        self._end = contextlib.ExitStack()

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *reason) -> None:
        self._end.close()

    def start(self, command: list, name: str = "", environment: dict | None = None) -> process.Running:
        """Starts a program whose output goes to FOLDER/NAME.log."""
        name = name or pathlib.Path(str(command[0])).name
        log = self.folder / f"{name}.log"
        running = process.Running([str(word) for word in command], log, environment)
        self._end.callback(running.stop)
        return running

    def run(self, command: list, status: int | None = 0, timeout_s: float = 120,
            environment: dict | None = None) -> str:
        """Runs a program to its end; its output, both streams. Another exit status than `status` fails the case."""
        return self.run_any(command, (status,) if status is not None else None, timeout_s, environment)[1]

    def run_any(self, command: list, statuses: tuple | None = None, timeout_s: float = 120,
                environment: dict | None = None) -> tuple[int, str]:
        """The same, with any exit status (one of `statuses`, if given): (status, output)."""
        words = [str(word) for word in command]
        try:
            status, output = process.run(words, timeout_s, environment)
        except process.TimeOut as error:
            raise Failure(str(error)) from None
        if statuses is not None and status not in statuses:
            raise Failure(f"exit status {status}: {' '.join(words)}\n{output[-3000:]}")
        return status, output

    def check(self, condition: object, text: str) -> None:
        if not condition:
            raise Failure(text)

    def equal(self, seen: object, expected: object, what: str) -> None:
        if seen != expected:
            raise Failure(f"{what}: expected {expected!r}, saw {seen!r}")

    def note(self, text: str) -> None:
        """A finding that is printed beside the result."""
        self.notes.append(text)

    def defer(self, function: typing.Callable, *arguments) -> None:
        """Calls `function` when the case ends, before what was started earlier is stopped."""
        self._end.callback(function, *arguments)


@dataclasses.dataclass(frozen=True)
class Case:
    """`run` gets a Scene; it raises Failure or Skip. It may return an Outcome, counted in place of one pass."""

    name: str
    run: typing.Callable[[Scene], object]
    needs: tuple[str, ...] = ()  # Programs that must be on the path; else the case is skipped.

    def missing(self) -> list[str]:
        return [program for program in self.needs if find_program(program) is None]


def find_program(name: str) -> str | None:
    """Like shutil.which, also in the folders of the administrator, which a user's path may lack."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
