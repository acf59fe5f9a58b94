"""iscsi_target with a configuration file: many targets, portal groups, accounts, access by name, redirection."""

import json
import pathlib
import re

from tools.peers import case, ours, raw
from tools.peers.case import Case

_A, _B, _C, _MOVED, _GONE = (f"iqn.2026-11.example:{name}" for name in ("open", "named", "secret", "moved", "gone"))
_FRIEND, _STRANGER = "iqn.2026-11.example:friend", "iqn.2026-11.example:stranger"
_ALICE = {"user": "alice", "secret": "alice's secret"}


class Served:
    """An iscsi_target that a file configures; `portals` are "ADDR:PORT" as they are bound, in the file's order."""

    def __init__(self, scene: case.Scene, name: str, configuration: dict):
        path = scene.folder / f"{name}.json"
        path.write_text(json.dumps(configuration, indent=2))
        self._scene = scene
        self._running = scene.start([ours.program("iscsi_target"), f"--config={path}"], name)
        served = [target for target in configuration["targets"] if "luns" in target]
        # The URLs are printed at once; the last target is served at every portal.
        self._running.wait_for(lambda: self._running.text().count(f"/{served[-1]['name']}/0\n")
                               == len(configuration["portals"]), "listening")
        self.portals = list(dict.fromkeys(re.findall(r"iscsi://([^/]+)/", self._running.text())))

    def url(self, target: str, portal: int = 0) -> str:
        return f"iscsi://{self.portals[portal]}/{target}/0"

    def stop(self) -> None:
        self._scene.equal(self._running.stop(), 0, "exit status of iscsi_target after SIGTERM")


def _refuses(scene: case.Scene, what: str, *command, environment: dict | None = None) -> None:
    status, output = scene.run_any(["iscsi-inq", *command], environment=environment)
    scene.check(status != 0, f"{what}:\n{output}")


def _many_targets(scene: case.Scene) -> None:
    secrets = ours.write_secrets(scene, "accounts", _ALICE)
    elsewhere = Served(scene, "elsewhere", {
        "portals": [{"address": "127.0.0.1:0"}],
        "targets": [{"name": _GONE, "luns": [{"ram": "3M"}]}, {"name": _MOVED, "luns": [{"ram": "3M"}]}]})
    disk = scene.folder / "disk"
    disk.write_bytes(bytes(2 << 20))
    served = Served(scene, "many", {
        "threads": 2,
        "portals": [{"address": "127.0.0.1:0", "group": 1}, {"address": "127.0.0.1:0", "group": 2}],
        "targets": [
            {"name": _B, "initiators": [_FRIEND], "luns": [{"ram": "1M"}]},
            {"name": _C, "chap_secrets": str(secrets), "luns": [{"ram": "1M"}], "portal_groups": [2]},
            {"name": _MOVED, "redirect": {"address": elsewhere.portals[0]}},
            {"name": _GONE, "redirect": {"address": elsewhere.portals[0], "permanent": True}},
            {"name": _A, "luns": [{"path": str(disk)}, {"number": 5, "ram": "4M", "readonly": True}]}]})
    scene.equal(len(served.portals), 2, "portals that are served")

    # Discovery: each initiator sees what it may use, at the portals of its groups.
    friend = scene.run(["iscsi-ls", "-i", _FRIEND, f"iscsi://{served.portals[0]}"])
    stranger = scene.run(["iscsi-ls", "-i", _STRANGER, f"iscsi://{served.portals[0]}"])
    for name in (_A, _C, _MOVED, _GONE):
        scene.check(f"Target:{name} " in stranger, f"{name} is not listed:\n{stranger}")
    scene.check(f"Target:{_B} " in friend and f"Target:{_B} " not in stranger,
                f"access by name does not hold in discovery:\n{friend}\n{stranger}")
    scene.check(f"Target:{_C} Portal:{served.portals[1]},2" in stranger, f"not the portal of group 2:\n{stranger}")

    # Several targets and LUNs, each its own.
    for target, size in ((f"iscsi://{served.portals[0]}/{_A}/0", 2), (f"iscsi://{served.portals[1]}/{_A}/5", 4)):
        output = scene.run(["iscsi-readcapacity16", "-i", _STRANGER, target])
        scene.check(f"Total size:{size << 20}\n" in output, f"not {size} MiB:\n{output}")

    # Access by initiator name.
    scene.run(["iscsi-inq", "-i", _FRIEND, served.url(_B)])
    _refuses(scene, "a stranger was let in", "-i", _STRANGER, served.url(_B))
    status, output = ours.iscsi_any(scene, "inquiry", served.url(_B), f"--InitiatorName={_STRANGER}")
    scene.equal(status, 4, f"exit status of iscsi for a stranger:\n{output}\n")
    scene.check("0x0202" in output, f"no login status 0x0202:\n{output}")

    # Portal groups and accounts of one target.
    login = {"LIBISCSI_CHAP_USERNAME": _ALICE["user"], "LIBISCSI_CHAP_PASSWORD": _ALICE["secret"]}
    scene.run(["iscsi-inq", served.url(_C, portal=1)], environment=login)
    _refuses(scene, "nobody was let in", served.url(_C, portal=1))
    _refuses(scene, "a portal of another group let in", served.url(_C, portal=0), environment=login)
    status, output = ours.iscsi_any(scene, "inquiry", served.url(_C, portal=0))
    scene.equal(status, ours.NO_TARGET, f"exit status of iscsi for another portal group:\n{output}\n")

    # Redirection: both kinds end at the other daemon, whose disk has another size. libiscsi follows only the temporary one.
    output = scene.run(["iscsi-readcapacity16", served.url(_MOVED)])
    scene.check(f"Total size:{3 << 20}\n" in output, f"not the disk of the other daemon:\n{output}")
    status, output = scene.run_any(["iscsi-readcapacity16", served.url(_GONE)])
    scene.check(status == 0 or "moved permanently(258)" in output, f"not redirected for good:\n{output}")
    for name in (_MOVED, _GONE):
        output = ours.iscsi(scene, "capacity", served.url(name), "--json")
        scene.equal(ours.json_of(output)["bytes"], 3 << 20, f"bytes of {name} as iscsi sees it")
    served.stop()
    elsewhere.stop()


def _bad_file(scene: case.Scene) -> None:
    path: pathlib.Path = scene.folder / "bad.json"
    path.write_text(json.dumps({"portals": [{"address": "127.0.0.1:0"}], "targets": [
        {"name": _A, "luns": [{"ram": "1M"}]}, {"name": _B, "luns": [{"path": "/no/such/disk"}]}]}))
    status, output = scene.run_any([ours.program("iscsi_target"), f"--config={path}"])
    scene.equal(status, 1, "exit status of iscsi_target with a bad file")
    scene.check(output.startswith(f"iscsi_target: {path}: targets[1].luns[0].path: "), f"the place is not named:\n{output}")
    scene.check("iscsi://" not in output, f"it listened all the same:\n{output}")


def _reinstatement(scene: case.Scene) -> None:
    """RFC 7143 sections 6.3.5 and 7.4.2: which session ends which."""
    served = Served(scene, "twice", {
        "portals": [{"address": "127.0.0.1:0"}, {"address": "127.0.0.1:0"}],
        "targets": [{"name": _A, "luns": [{"ram": "1M"}]}]})
    unnamed = {"InitiatorName": _FRIEND, "SessionType": "Discovery"}
    named = unnamed | {"TargetName": _A}
    normal = {"InitiatorName": _FRIEND, "SessionType": "Normal", "TargetName": _A}
    stranger = unnamed | {"InitiatorName": _STRANGER}
    # The session that is there, and the one that comes: (keys, ISID, portal). Whether the first ends.
    rows = (
        ("unnamed by unnamed", (unnamed, 1, 0), (unnamed, 1, 0), True),
        ("unnamed at another portal", (unnamed, 1, 0), (unnamed, 1, 1), False),
        ("unnamed with another ISID", (unnamed, 1, 0), (unnamed, 2, 0), False),
        ("unnamed of another initiator", (unnamed, 1, 0), (stranger, 1, 0), False),
        ("unnamed by named", (unnamed, 1, 0), (named, 1, 0), False),
        ("unnamed by normal", (unnamed, 1, 0), (normal, 1, 0), False),
        ("named by unnamed", (named, 1, 0), (unnamed, 1, 0), False),
        ("named by named, at another portal of the group", (named, 1, 0), (named, 1, 1), True),
        ("named by normal", (named, 1, 0), (normal, 1, 0), True),
        ("normal by normal", (normal, 1, 0), (normal, 1, 1), True),
        ("normal with another ISID", (normal, 1, 0), (normal, 2, 0), False),
    )

    def login(keys: dict, isid: int, portal: int) -> raw.Connection:
        connection = raw.Connection(scene, served.portals[portal])
        status, answer = connection.login(keys, isid)
        scene.equal(status, 0, f"login status of {keys}, whose answer was {answer}")
        return connection

    for number, (what, first, second, ends) in enumerate(rows):
        isid = number * 16  # Each row has its own.
        one = login(first[0], isid + first[1], first[2])
        two = login(second[0], isid + second[1], second[2])
        scene.equal(one.is_closed(within_s=10 if ends else 0.2), ends, f"{what}: the first session has ended")
        scene.check(not two.is_closed(within_s=0.1), f"{what}: the second session has ended")

    # Section 11.13.5: a session that does not exist, and a second connection of one that does.
    unknown = raw.Connection(scene, served.portals[0])
    scene.equal(unknown.login(normal, 0xaaaa, tsih=0x1234)[0], 0x020a, "status of a login to an unknown session")
    served.stop()


def _most_connections(scene: case.Scene) -> None:
    """More connections than allowed are closed at once; those that are there go on, and make room when they end."""
    served = Served(scene, "few", {
        "portals": [{"address": "127.0.0.1:0"}], "max_connections": 2,
        "targets": [{"name": _A, "luns": [{"ram": "1M"}]}]})
    normal = {"InitiatorName": _FRIEND, "SessionType": "Normal", "TargetName": _A}
    held = [raw.Connection(scene, served.portals[0]) for _ in range(2)]
    for isid, connection in enumerate(held):
        scene.equal(connection.login(normal, isid)[0], 0, "login status")
    scene.check(raw.Connection(scene, served.portals[0]).is_closed(within_s=10), "a third connection was kept")
    scene.check(not any(connection.is_closed(within_s=0.1) for connection in held), "it cost another its connection")
    held[0].close()
    for _ in range(50):
        later = raw.Connection(scene, served.portals[0])
        if not later.is_closed(within_s=0.2):
            break
    scene.equal(later.login(normal, 7)[0], 0, "login status once there is room")
    served.stop()


_NEEDS = ("iscsi-ls", "iscsi-inq", "iscsi-readcapacity16")

CASES = [
    Case("config.many_targets", _many_targets, _NEEDS),
    Case("config.bad_file", _bad_file),
    Case("config.reinstatement", _reinstatement),
    Case("config.most_connections", _most_connections),
]
