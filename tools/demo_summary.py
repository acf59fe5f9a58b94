"""tools/demo's last table: what the target and each copy of the initiator checked, from their own statistics, and
what tshark says of the capture. Fails where they contradict each other.

    python3 -m tools.demo_summary PORT TARGET.json CAPTURE NAME=COPY.json...
"""

import json
import pathlib
import sys
import tempfile

from tools.peers import case, referee

_COLUMNS = ("", "PDUs", "bytes", "header digests", "data digests", "of bytes", "bad")


def _digests(counters: dict, kind: str) -> int:
    return counters[f"{kind}_digests_by_software"] + counters[f"{kind}_digests_by_device"]


def _row(name: str, counters: dict) -> tuple:
    of_bytes = counters["data_digest_bytes_by_software"] + counters["data_digest_bytes_by_device"]
    bad = counters.get("header_digest_errors", 0) + counters.get("data_digest_errors", 0)
    return (name, counters["pdus"], counters["bytes"], _digests(counters, "header"), _digests(counters, "data"),
            of_bytes, bad)


def main() -> int:
    port, target_path, capture, *copies = sys.argv[1:]
    target = json.loads(pathlib.Path(target_path).read_text())
    rows = [_row("target: received, checked", target["received"]), _row("target: sent, computed", target["sent"])]
    sides = {}
    for word in copies:
        name, path = word.split("=", 1)
        copy = json.loads(pathlib.Path(path).read_text())
        side = sides[name] = copy.get("source") or copy["sink"]
        rows += [_row(f"iscsi {name}: received, checked", side["received"]),
                 _row(f"iscsi {name}: sent, computed", side["sent"])]
    print(f"{_COLUMNS[0]:32}" + "".join(f"{title:>16}" for title in _COLUMNS[1:]))
    for name, *numbers in rows:
        print(f"{name:32}" + "".join(f"{number:16,}" for number in numbers))
    wrong = []
    if bad := sum(row[-1] for row in rows):
        wrong.append(f"{bad} bad digests on a loopback")
    sent = sum(_digests(side["sent"], "data") for side in sides.values())
    if (checked := _digests(target["received"], "data")) != sent:
        wrong.append(f"the copies sent {sent} data digests, and the target checked {checked}")

    with tempfile.TemporaryDirectory() as folder, case.Scene(pathlib.Path(folder)) as scene:
        seen = referee.judge(scene, pathlib.Path(capture), int(port))
    print(f"tshark on {capture}: {seen.header_good} header and {seen.data_good} data digests good, "
          f"{seen.header_bad + seen.data_bad} bad")
    both = sides["captured"]["sent"], sides["captured"]["received"]
    mine = tuple(sum(_digests(way, kind) for way in both) for kind in ("header", "data"))
    if (seen.header_good, seen.data_good) != mine or seen.data_bad or seen.header_bad:
        wrong.append(f"tshark does not agree: {mine[0]} header and {mine[1]} data digests were sent and received")
    for line in wrong:
        print(f"demo: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
