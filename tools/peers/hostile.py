"""The hostile peer `iscsi_hostile`, run against a target or an initiator; what it reports.

    result = hostile.attack_target(scene, "ours", disk, chap=other_disk)
    result.failed, result.passed, result.not_applicable          # lists of names
"""

import dataclasses
import json
import pathlib
import shlex

from tools.peers import case, ours
from tools.peers.disk import Disk


@dataclasses.dataclass
class Result:
    peer: str
    tests: list[dict] = dataclasses.field(default_factory=list)

    def _named(self, verdict: str) -> list[str]:
        return [test["name"] for test in self.tests if test["verdict"] == verdict]

    @property
    def passed(self) -> list[str]:
        return self._named("pass")

    @property
    def failed(self) -> list[str]:
        return self._named("fail")

    @property
    def not_applicable(self) -> list[str]:
        return self._named("not applicable")

    def text(self, name: str) -> str:
        return next(test["text"] for test in self.tests if test["name"] == name)

    def add(self, other: "Result") -> None:
        self.tests += other.tests


def _run(scene: case.Scene, peer: str, arguments: list, timeout_s: float) -> Result:
    report = scene.folder / f"hostile-{peer}.json"
    report.unlink(missing_ok=True)
    status, output = scene.run_any([ours.program("iscsi_hostile"), *arguments, f"--peer={peer}", f"--json={report}"],
                                   timeout_s=timeout_s)
    if status not in (0, 1) or not report.exists():
        raise case.Failure(f"iscsi_hostile ended with {status}:\n{output[-3000:]}")
    return Result(peer, json.loads(report.read_text())["tests"])


def attack_target(scene: case.Scene, peer: str, disk: Disk, chap: Disk | None = None, tests: tuple = ("all",),
                  flags: tuple = (), timeout_s: float = 1200) -> Result:
    """All of `tests` against `disk`, whose first blocks are overwritten; those of CHAP against `chap`, which must be a
    target of the same portal."""
    arguments = [*tests, *flags]
    if chap is not None:
        secrets = ours.write_secrets(scene, f"{peer}.hostile.secrets", vars(chap))
        arguments += [f"--chap_url={chap.url()}", f"--chap_secrets={secrets}"]
    return _run(scene, peer, [*arguments, disk.url()], timeout_s)


def attack_initiator(scene: case.Scene, peer: str, commands: dict[str, list], accounts: dict | None = None,
                     tests: tuple = ("all",), flags: tuple = (), timeout_s: float = 1200) -> Result:
    """`commands` by their kind: read, write, discover, chap_read (with `accounts`), reset. They may hold {url}, {address},
    {port}, {name} and {file}, which iscsi_hostile replaces."""
    def words(command: list) -> str:
        return " ".join(f'"{word}"' if "{" in str(word) else shlex.quote(str(word)) for word in command)

    arguments = [f"--{kind}={words(command)}" for kind, command in commands.items()]
    if accounts:
        arguments.append(f"--chap_secrets={ours.write_secrets(scene, f'{peer}.hostile.secrets', accounts)}")
    return _run(scene, peer, ["--listen=127.0.0.1:0", *tests, *flags, *arguments], timeout_s)


def attack_iscsi(scene: case.Scene, accounts: dict, tests: tuple = ("all",), flags: tuple = (),
                 timeout_s: float = 1200) -> Result:
    """Our own initiator."""
    data = scene.folder / "hostile.data"
    data.write_bytes(b"w" * 65536)
    secrets = ours.write_secrets(scene, "iscsi.secrets", accounts)
    iscsi = pathlib.Path(ours.program("iscsi"))
    read = [iscsi, "read", "--reconnect_timeout_s=5", "--length=64k"]
    commands = {"read": [*read, "{url}", "{file}"],
                "write": [iscsi, "write", "--reconnect_timeout_s=5", "{url}", data],
                "discover": [iscsi, "discover", "{address}"],
                "chap_read": [*read, f"--secret_file={secrets}", f"iscsi://{accounts['user']}@" "{address}/{name}/0", "{file}"]}
    return attack_initiator(scene, "iscsi", commands, accounts, tests, flags, timeout_s)
