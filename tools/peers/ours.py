"""Our programs: the target `iscsi_target`, served on a free port, the initiator `iscsi`, `iscsi_hostile` and `simulate`."""

import dataclasses
import json
import pathlib
import re
import subprocess

from tools.peers import case
from tools.peers.disk import Disk
from tools.testing import bazel

IQN = "iqn.2026-11.example:disk"
_TARGETS = {"iscsi_target": "//target/daemon:iscsi_target", "iscsi": "//initiator/cli:iscsi",
            "iscsi_hostile": "//fuzz/hostile:iscsi_hostile", "simulate": "//fuzz/simulator:simulate"}
# Exit statuses of `iscsi`, by cause, as the README lists them.
NO_TARGET, REFUSED, AUTHENTICATION, DIGEST, NO_CONNECTION = 3, 4, 5, 6, 7

_built: dict[str, pathlib.Path] = {}


def program(name: str) -> pathlib.Path:
    """The optimised program, built at the first call."""
    if not _built:
        try:
            folder = bazel.build(bazel.OPTIMISED, list(_TARGETS.values()))
        except subprocess.CalledProcessError as error:
            raise case.Failure(f"our programs do not build: {error}") from None
        for key, label in _TARGETS.items():
            _built[key] = folder / label.removeprefix("//").replace(":", "/")
    return _built[name]


class Target:
    """One running `iscsi_target` and what it leaves: statistics and a capture."""

    def __init__(self, scene: case.Scene, luns: list[str], *flags: str, name: str = "iscsi_target",
                 capture: bool = False, chap: dict | None = None):
        self._scene = scene
        self._statistics = scene.folder / f"{name}.stats.json"
        self.capture = scene.folder / f"{name}.pcapng"
        command = [program("iscsi_target"), "--portal=127.0.0.1:0", f"--target={IQN}",
                   *(f"--lun={lun}" for lun in luns), f"--stats={self._statistics}", *flags]
        if capture:
            command.append(f"--capture={self.capture}")
        self._chap = chap or {}
        if chap:
            command.append(f"--chap_secrets={write_secrets(scene, f'{name}.secrets', chap)}")
        self.running = scene.start(command, name)
        pattern = r"iscsi://127\.0\.0\.1:(\d+)/(\S+)/(\d+)"
        self.running.wait_for(lambda: len(re.findall(pattern, self.running.text())) >= len(luns), "listening")
        self.disks = [Disk(int(port), iqn, int(lun), self._chap.get("user", ""), self._chap.get("secret", ""),
                           self._chap.get("mutual_user", ""), self._chap.get("mutual_secret", ""))
                      for port, iqn, lun in re.findall(pattern, self.running.text())]

    @property
    def disk(self) -> Disk:
        return self.disks[0]

    def stop(self) -> dict:
        """Ends it by SIGTERM, which must be clean; its statistics."""
        self._scene.equal(self.running.stop(), 0, "exit status of iscsi_target after SIGTERM")
        return json.loads(self._statistics.read_text())


def write_secrets(scene: case.Scene, name: str, chap: dict) -> pathlib.Path:
    """A secrets file that only its owner may read."""
    path = scene.folder / name
    path.touch(mode=0o600)
    lines = [f"{chap['user']} {chap['secret']}"]
    if chap.get("mutual_user"):
        lines.append(f"mutual {chap['mutual_user']} {chap['mutual_secret']}")
    path.write_text("\n".join(lines) + "\n")
    return path


def iscsi(scene: case.Scene, *arguments, disk: Disk | None = None) -> str:
    """Runs `iscsi`, which must succeed; its output. The secrets of `disk`, if any, go by file."""
    return scene.run(_command(scene, arguments, disk))


def iscsi_any(scene: case.Scene, *arguments, disk: Disk | None = None) -> tuple[int, str]:
    """The same, whatever its exit status: (status, output)."""
    return scene.run_any(_command(scene, arguments, disk))


def _command(scene: case.Scene, arguments: tuple, disk: Disk | None) -> list:
    command = [program("iscsi"), *arguments]
    if disk is not None and disk.user:
        command.append(f"--secret_file={write_secrets(scene, 'iscsi.secrets', vars(disk))}")
    return command


def json_of(output: str) -> dict:
    """The last line that is a JSON object."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise case.Failure("no JSON in:\n" + output[-1000:])


@dataclasses.dataclass(frozen=True)
class Digests:
    """Digests of one direction, from our statistics: `good` were computed or accepted, `bad` did not match."""

    header_good: int
    header_bad: int
    data_good: int
    data_bad: int


def digests(statistics: dict, direction: str) -> Digests:
    """The sum over all connections in `direction`: "received" or "sent"."""
    def total(node: object, name: str, inside: bool) -> int:
        if isinstance(node, dict):
            return sum(total(value, name, inside or key == direction) if isinstance(value, (dict, list))
                       else value if inside and key == name else 0 for key, value in node.items())
        return sum(total(value, name, inside) for value in node) if isinstance(node, list) else 0

    def of(kind: str) -> tuple[int, int]:
        bad = total(statistics, f"{kind}_digest_errors", False)
        return sum(total(statistics, f"{kind}_digests_by_{by}", False) for by in ("software", "device")) - bad, bad

    return Digests(*of("header"), *of("data"))
