"""Our initiator against stock targets."""

import dataclasses
import re

from tools.peers import case, guest, image, istgt, lio, ours, relay, tgt
from tools.peers.case import Case
from tools.peers.disk import Disk

_BOTH = {"header_digest": "crc32c", "data_digest": "crc32c"}
_NONE = {"header_digest": "none", "data_digest": "none"}
_SECRETS = {"user": "alice", "secret": "alice's secret"}
_MUTUAL = _SECRETS | {"mutual_user": "bob", "mutual_secret": "the other secret"}


def round_trip(scene: case.Scene, disk: Disk, digests: dict, mebibytes: int = 64, discover: bool = True) -> None:
    """Discovers the disk, copies a real file system in, verifies it there, copies it out, and compares."""
    if discover:
        found = ours.iscsi(scene, "discover", disk.portal)  # Accounts of discovery sessions are others, here none.
        scene.check(disk.iqn in found, f"{disk.iqn} was not discovered:\n{found}")
    source = image.ext4(scene, scene.folder / "source.ext4", mebibytes)
    url = disk.url(**digests)
    counted = [ours.json_of(ours.iscsi(scene, "copy", source, url, "--json", disk=disk))]
    ours.iscsi(scene, "verify", url, source, disk=disk)
    copy = scene.folder / "copy.ext4"
    counted.append(ours.json_of(ours.iscsi(scene, "copy", url, copy, "--json", disk=disk)))
    size = source.stat().st_size
    scene.equal(image.digest(copy, size), image.digest(source), "what came back")
    with open(copy, "r+b") as grown:
        grown.truncate(size)
    image.check_file_system(scene, copy)
    expected = digests == _BOTH
    for way, statistics in zip(("in", "out"), counted):
        for direction in ("received", "sent"):
            seen = ours.digests(statistics, direction)
            scene.equal((seen.header_bad, seen.data_bad), (0, 0), f"bad digests, copy {way}, {direction}")
            scene.equal(bool(seen.header_good), expected, f"header digests counted, copy {way}, {direction}")
        scene.equal(bool(seen.data_good if way == "in" else ours.digests(statistics, "received").data_good), expected,
                    f"data digests counted, copy {way}")


def refused(scene: case.Scene, disk: Disk, status: int, flags: tuple[str, ...] = (), **arguments: str) -> None:
    """The login must fail with the exit status of its cause, and a message that does not hold the secret."""
    seen, output = ours.iscsi_any(scene, "inquiry", disk.url(**arguments), *flags, disk=disk)
    scene.equal(seen, status, f"exit status after {output.strip()!r}")
    scene.check(output.strip(), "refused without a message")
    scene.check(not disk.secret or disk.secret not in output, f"the message holds the secret:\n{output}")


def algorithms(scene: case.Scene, disk: Disk, *flags: str, **arguments: str) -> list[bytes]:
    """CHAP_A of both sides (IANA: 5 MD5, 6 SHA1, 7 SHA-256, 8 SHA3-256), by the capture of a login that succeeds."""
    capture = scene.folder / "login.pcapng"
    ours.iscsi(scene, "inquiry", disk.url(**arguments), f"--capture={capture}", *flags, disk=disk)
    return re.findall(rb"CHAP_A=([0-9,]+)", capture.read_bytes())


def _tgt(digests: dict, accounts: dict):
    def run(scene: case.Scene) -> None:
        disk = tgt.Tgt(scene).add("iqn.2026-11.example:disk", image.empty(scene.folder / "disk", 64),
                                  digests=digests == _BOTH, **accounts)
        round_trip(scene, disk, digests)
        if accounts:
            refused(scene, dataclasses.replace(disk, secret="a wrong secret"), ours.AUTHENTICATION)
            scene.equal(algorithms(scene, disk), [b"8,6,5,7", b"5"], "CHAP_A of both sides")
            # Why 5 stands before 7: by 7 tgt means SHA1, takes the first number that it knows, and has no room for 32 bytes.
            refused(scene, disk, ours.REFUSED, flags=("--chap_algorithms=SHA-256,MD5",))
            scene.equal(algorithms(scene, disk, "--chap_algorithms=MD5,SHA-256"), [b"5,7", b"5"], "CHAP_A of both sides")
    return run


def _tgt_long_reads(scene: case.Scene) -> None:
    """tgt sends all data of a command as one sequence, however long (RFC 7143 section 11.7.1 forbids that)."""
    path = image.random(scene.folder / "disk", 16)
    disk = tgt.Tgt(scene).add("iqn.2026-11.example:disk", path, digests=True)
    url, copy = disk.url(**_BOTH), scene.folder / "copy"
    for block, too_long in (("64k", False), ("1M", True)):
        counted = ours.json_of(ours.iscsi(scene, "copy", url, copy, f"--block={block}", "--json"))
        scene.equal(image.digest(copy), image.digest(path), f"what came back in blocks of {block}")
        sequences = counted["source"]["data_in_sequences_too_long"]
        scene.equal(bool(sequences), too_long, f"{sequences} Data-In sequences above MaxBurstLength, blocks of {block}")
        scene.equal(counted["source"]["connections"], 1, "connections")
    copied = ours.iscsi(scene, "read", url, scene.folder / "read", "--block=1M", "--length=4M", "--json")
    scene.equal(image.digest(scene.folder / "read"), image.digest(path, 4 << 20), f"what was read ({copied.strip()})")


def _tgt_refuses_digests(scene: case.Scene) -> None:
    disk = tgt.Tgt(scene).add("iqn.2026-11.example:disk", image.empty(scene.folder / "disk", 16))
    refused(scene, disk, ours.DIGEST, **_BOTH)


def _tgt_names(scene: case.Scene) -> None:
    disk = tgt.Tgt(scene).add("iqn.2026-11.example:disk", image.empty(scene.folder / "disk", 16))
    refused(scene, dataclasses.replace(disk, iqn="iqn.2026-11.example:nobody"), ours.NO_TARGET)


def _istgt(digests: dict, accounts: dict):
    def run(scene: case.Scene) -> None:
        disk = istgt.serve(scene, image.empty(scene.folder / "disk", 64), digests=digests == _BOTH, **accounts)
        # istgt 0.4 ends each discovery session in itself ("worker: conn->state = 2"); libiscsi's iscsi-ls hangs on it too.
        round_trip(scene, disk, digests, discover=False)
        scene.note("no discovery: istgt drops those sessions, of libiscsi too")
    return run


_LIO_CHAP = {"userid": "alice", "password": "alice-secret-12"}
_LIO_MUTUAL = _LIO_CHAP | {"userid_mutual": "bob", "password_mutual": "bob-secret-12345"}
_LIO_DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
_LIO = {
    "initiator.lio.plain": (_NONE, {"HeaderDigest": "None", "DataDigest": "None"}),
    "initiator.lio.digests": (_BOTH, _LIO_DIGESTS),
    "initiator.lio.r2t": (_BOTH, _LIO_DIGESTS | {"InitialR2T": "Yes", "ImmediateData": "No"}),
    "initiator.lio.unsolicited": (
        _BOTH, _LIO_DIGESTS | {"InitialR2T": "No", "ImmediateData": "Yes", "MaxOutstandingR2T": "4"}),
    "initiator.lio.immediate": (
        _BOTH, _LIO_DIGESTS | {"InitialR2T": "Yes", "ImmediateData": "Yes", "FirstBurstLength": "4096"}),
    "initiator.lio.chap": (_BOTH, _LIO_DIGESTS | _LIO_CHAP),
    "initiator.lio.mutual": (_BOTH, _LIO_DIGESTS | _LIO_MUTUAL),
}


def _lio(name: str):
    def run(scene: case.Scene) -> None:
        digests, keys = _LIO[name]
        served = name.rpartition(".")[2]
        disk = lio.Lio(scene, {served: keys}).disk(served)
        round_trip(scene, disk, digests, mebibytes=32)
        if disk.user:
            # SHA1 is the first of ours that LIO's kernel has (7, SHA-256, comes last, for the sake of old targets).
            scene.equal(algorithms(scene, disk, **digests), [b"8,6,5,7", b"6"], "CHAP_A of both sides")
            for offer, numbers in (("SHA-256", b"7"), ("SHA-256,SHA1,MD5", b"7,6,5")):
                flag = f"--chap_algorithms={offer}"
                scene.equal(algorithms(scene, disk, flag, **digests), [numbers, b"7"], f"CHAP_A of both sides, {offer}")
            refused(scene, dataclasses.replace(disk, secret="a wrong secret"), ours.AUTHENTICATION,
                    flags=("--chap_algorithms=SHA-256",), **digests)
            refused(scene, dataclasses.replace(disk, secret="a wrong secret"), ours.AUTHENTICATION, **digests)
    return run


def _spoiled(direction: str):
    """A relay flips bits on the way: each is found by a digest, and the copy is right all the same."""
    def run(scene: case.Scene) -> None:
        path = image.empty(scene.folder / "disk", 64)
        disk = tgt.Tgt(scene).add("iqn.2026-11.example:disk", path, digests=True)
        source = image.random(scene.folder / "source", 64)
        places = {f"spoil_{direction}": [1_000_003, 20_000_011, 45_000_017]}
        between = relay.Relay(disk.port, **places)
        scene.defer(between.stop)
        url = dataclasses.replace(disk, port=between.port).url(**_BOTH)
        ours.iscsi(scene, "copy", source, url)
        output = ours.iscsi(scene, "copy", url, scene.folder / "copy", "--json")
        scene.equal(between.spoiled, 3, "bits that the relay flipped")
        if direction == "to_initiator":
            # Bad data fails the command, which is tried again on the same connection (RFC 7143 section 7.8).
            seen = ours.digests(ours.json_of(output), "received")
            scene.equal(seen.header_bad + seen.data_bad, 3, "bad digests that the initiator counts")
        else:
            scene.check(between.connections > 2, "no connection was dropped although digests were bad")
        scene.equal(image.digest(path), image.digest(source), "what the target holds")
        scene.equal(image.digest(scene.folder / "copy"), image.digest(source), "what came back")
    return run


_NEEDS_IMAGE = ("mke2fs", "e2fsck")
_NEEDS_TGT = ("tgtd", "tgtadm", *_NEEDS_IMAGE)

CASES = [
    Case("initiator.tgt.no_digests", _tgt(_NONE, {}), _NEEDS_TGT),
    Case("initiator.tgt.both_digests", _tgt(_BOTH, {}), _NEEDS_TGT),
    Case("initiator.tgt.chap_one_way", _tgt(_BOTH, _SECRETS), _NEEDS_TGT),
    Case("initiator.tgt.chap_mutual", _tgt(_BOTH, _MUTUAL), _NEEDS_TGT),
    Case("initiator.tgt.long_reads", _tgt_long_reads, ("tgtd", "tgtadm")),
    Case("initiator.tgt.refuses_digests", _tgt_refuses_digests, _NEEDS_TGT),
    Case("initiator.tgt.wrong_name", _tgt_names, _NEEDS_TGT),
    Case("initiator.tgt.spoiled_to_target", _spoiled("to_target"), _NEEDS_TGT),
    Case("initiator.tgt.spoiled_to_initiator", _spoiled("to_initiator"), _NEEDS_TGT),
    Case("initiator.istgt.no_digests", _istgt(_NONE, {}), ("istgt", *_NEEDS_IMAGE)),
    Case("initiator.istgt.both_digests", _istgt(_BOTH, {}), ("istgt", *_NEEDS_IMAGE)),
    Case("initiator.istgt.chap_mutual", _istgt(_BOTH, _MUTUAL), ("istgt", *_NEEDS_IMAGE)),
    *(Case(name, _lio(name), (*guest.NEEDS, *_NEEDS_IMAGE)) for name in _LIO),
]
