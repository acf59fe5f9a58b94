"""Stock initiators against our target."""

import re

from tools.peers import case, conformance, guest, image, ours, subject
from tools.peers.case import Case
from tools.testing import bazel
from tools.testing.outcome import Outcome

_CRC = {"header_digest": "crc32c"}  # libiscsi's word; this version of it has no data digest.
# These tools put None before CRC32C whatever the URL says, and a target takes the first that it may: one that demands
# the digest gets it.
_DEMAND = ("--header_digest=CRC32C",)


def _stop(scene: case.Scene, served, header_digests: bool = False, data_digests: bool = False) -> None:
    """Stops the target; what it counted must be digests that were checked and found good, and no bad one."""
    statistics = served.stop()
    if statistics is None:
        return
    received, sent = ours.digests(statistics, "received"), ours.digests(statistics, "sent")
    scene.equal((received.header_bad, received.data_bad), (0, 0), "bad digests that the target saw")
    for kind, wanted in (("header", header_digests), ("data", data_digests)):
        counts = (getattr(received, f"{kind}_good"), getattr(sent, f"{kind}_good"))
        if wanted:
            scene.check(all(counts), f"the target says that it checked and sent {counts} {kind} digests")
            scene.note(f"{kind} digests checked and sent: {counts[0]} {counts[1]}")


def _list(scene: case.Scene) -> None:
    served = subject.serve(scene)
    output = scene.run(["iscsi-ls", "-s", f"iscsi://{served.disk.portal}"])
    scene.check(f"Target:{ours.IQN} " in output, f"no target in:\n{output}")
    scene.check(f"Lun:{served.disk.lun} " in output and "DIRECT_ACCESS (Size:2" in output, f"no disk in:\n{output}")
    _stop(scene, served)


def _inquiry(scene: case.Scene) -> None:
    served = subject.serve(scene, flags=_DEMAND)
    output = scene.run(["iscsi-inq", served.disk.url(**_CRC)])
    scene.check("Peripheral Device Type:DIRECT_ACCESS" in output, f"no disk in:\n{output}")
    for page in ("0x00", "0x80", "0x83", "0xb0"):
        scene.run(["iscsi-inq", "-e", "1", "-c", str(int(page, 16)), served.disk.url(**_CRC)])
    _stop(scene, served, header_digests=True)


def _capacity(scene: case.Scene) -> None:
    served = subject.serve(scene, mebibytes=96, flags=_DEMAND)
    output = scene.run(["iscsi-readcapacity16", served.disk.url(**_CRC)])
    scene.check(f"Total size:{96 * 2**20}\n" in output, f"not 96 MiB:\n{output}")
    _stop(scene, served, header_digests=True)


def _load(scene: case.Scene) -> None:
    served = subject.serve(scene, mebibytes=1024, flags=_DEMAND)
    for blocks, depth in ((8, 1), (8, 32), (128, 32)):
        output = scene.run(["iscsi-perf", "-b", blocks, "-m", depth, "-t", 2, served.disk.url(**_CRC)])
        averages = re.findall(r"iops average (\d+)", output)
        scene.check("finished." in output and averages and int(averages[-1]) > 0, f"no figure in:\n{output}")
    _stop(scene, served, header_digests=True)


def _chap(mutual: bool):
    def run(scene: case.Scene) -> None:
        accounts = {"user": "alice", "secret": "alice's secret"}
        served = subject.serve(scene, **accounts | ({"mutual_user": "bob", "mutual_secret": "the other secret"}
                                                    if mutual else {}))
        login = {"LIBISCSI_CHAP_USERNAME": "alice", "LIBISCSI_CHAP_PASSWORD": "alice's secret"}
        if mutual:
            login |= {"LIBISCSI_CHAP_TARGET_USERNAME": "bob", "LIBISCSI_CHAP_TARGET_PASSWORD": "the other secret"}
        output = scene.run(["iscsi-inq", served.disk.url()], environment=login)
        scene.check("DIRECT_ACCESS" in output, f"no disk in:\n{output}")
        wrong = login | {"LIBISCSI_CHAP_PASSWORD": "a wrong secret"}
        status, output = scene.run_any(["iscsi-inq", served.disk.url()], environment=wrong)
        scene.check(status != 0, f"a wrong secret was let in:\n{output}")
        status, output = scene.run_any(["iscsi-inq", served.disk.url()])
        scene.check(status != 0, f"nobody was let in:\n{output}")
        if mutual:
            wrong = login | {"LIBISCSI_CHAP_TARGET_PASSWORD": "a wrong secret"}
            status, output = scene.run_any(["iscsi-inq", served.disk.url()], environment=wrong)
            scene.check(status != 0, f"the initiator took a target with a wrong secret:\n{output}")
        _stop(scene, served)
    return run


def _qemu_copy(scene: case.Scene) -> None:
    source = image.ext4(scene, scene.folder / "source.ext4")
    served = subject.serve(scene, path=image.empty(scene.folder / "disk", 64))
    remote = (f"driver=iscsi,transport=tcp,portal={served.disk.portal},target={served.disk.iqn},"
              f"lun={served.disk.lun},header-digest=crc32c")
    scene.run(["qemu-img", "convert", "-n", "-f", "raw", "--target-image-opts", source, remote])
    scene.run(["qemu-img", "compare", "--image-opts", f"driver=raw,file.filename={source}", remote])
    scene.equal(image.digest(scene.folder / "disk"), image.digest(source), "what the target holds")
    copy = scene.folder / "copy.ext4"
    scene.run(["qemu-img", "convert", "--image-opts", "-O", "raw", remote, copy])
    scene.equal(image.digest(copy), image.digest(source), "what came back")
    image.check_file_system(scene, copy)
    _stop(scene, served, header_digests=True)


def _qemu_bench(scene: case.Scene) -> None:
    served = subject.serve(scene)
    remote = (f"driver=raw,file.driver=iscsi,file.transport=tcp,file.portal={served.disk.portal},"
              f"file.target={served.disk.iqn},file.lun={served.disk.lun},file.header-digest=crc32c")
    for arguments in (["-w", "-c", 3000], ["-c", 3000, "-s", "64k"], ["-w", "-c", 500, "--flush-interval", 50]):
        scene.run(["qemu-img", "bench", "--image-opts", "-t", "none", "-d", 32, *arguments, remote])
    _stop(scene, served, header_digests=True)


def linux(scene: case.Scene, disk, header: bool = True, data: bool = True, parameters: tuple = ()) -> None:
    """The kernel's initiator in a guest: each step that its script reports must be ok."""
    words = [f"node.conn[0].iscsi.HeaderDigest={'CRC32C' if header else 'None'}",
             f"node.conn[0].iscsi.DataDigest={'CRC32C' if data else 'None'}", *parameters]
    if disk.user:
        words += ["node.session.auth.authmethod=CHAP", f"node.session.auth.username={disk.user}",
                  f"node.session.auth.password={disk.secret}"]
    machine = guest.Guest(scene, "initiator.sh", {
        "PORT": disk.port, "IQN": disk.iqn, "DISK": "/dev/sda", "HEADER": int(header), "DATA": int(data),
        "PARAMETERS": " ".join(words)})
    machine.wait_until_done()
    scene.check(not machine.said("fail"), "in the guest: " + "; ".join(machine.said("fail")))
    scene.check(len(machine.said("ok")) >= 16, f"the guest did only {machine.said('ok')}")


def _linux(header: bool, data: bool, *parameters: str):
    def run(scene: case.Scene) -> None:
        served = subject.serve(scene, path=image.empty(scene.folder / "disk", 192))
        linux(scene, served.disk, header, data, parameters)
        image.check_file_system(scene, scene.folder / "disk")
        _stop(scene, served, header, data)
    return run


def _conformance(label: str, family: str, urls: int = 1, **arguments: str):
    def run(scene: case.Scene):
        served = subject.serve(scene, mebibytes=256)
        outcome = conformance.run(scene, label, family, [served.disk.url(**arguments)] * urls)
        scene.equal(scene.run_any(["iscsi-inq", served.disk.url()])[0], 0, "the target after the suite")
        if subject.use_stand_in:
            return outcome
        return conformance.hold_against(outcome, bazel.ROOT / "docs" / "conformance.md")
    return run


def _conformance_of(options: str, *families: str):
    """What the suite skips on the usual disk: on one with these options, none may be skipped."""
    def run(scene: case.Scene):
        if subject.use_stand_in:
            raise case.Skip("the stand-in has no such disk")
        served = subject.serve(scene, mebibytes=16, options=options)
        total = Outcome()
        for family in families:
            total.add(conformance.run(scene, options, family, [served.disk.url()]))
        total.failed += [f"{what} (skipped)" for what in total.skipped]
        total.skipped.clear()
        return total
    return run


_NEEDS_LIBISCSI = ("iscsi-ls", "iscsi-inq", "iscsi-readcapacity16", "iscsi-perf")
_NEEDS_QEMU = ("qemu-img", "mke2fs", "e2fsck")

CASES = [
    Case("target.libiscsi.list", _list, _NEEDS_LIBISCSI),
    Case("target.libiscsi.inquiry", _inquiry, _NEEDS_LIBISCSI),
    Case("target.libiscsi.capacity", _capacity, _NEEDS_LIBISCSI),
    Case("target.libiscsi.load", _load, _NEEDS_LIBISCSI),
    Case("target.libiscsi.chap_one_way", _chap(mutual=False), _NEEDS_LIBISCSI),
    Case("target.libiscsi.chap_mutual", _chap(mutual=True), _NEEDS_LIBISCSI),
    Case("target.qemu.copy", _qemu_copy, _NEEDS_QEMU),
    Case("target.qemu.bench", _qemu_bench, _NEEDS_QEMU),
    Case("target.linux.both_digests", _linux(True, True), guest.NEEDS),
    Case("target.linux.no_digests", _linux(False, False, "node.session.iscsi.InitialR2T=Yes",
                                           "node.session.iscsi.ImmediateData=No"), guest.NEEDS),
    Case("target.conformance.all", _conformance("plain", "ALL"), conformance.NEEDS),
    Case("target.conformance.scsi", _conformance("plain", "SCSI"), conformance.NEEDS),
    Case("target.conformance.readonly", _conformance_of(",readonly", "SCSI.ReadOnly"), conformance.NEEDS),
    Case("target.conformance.removable", _conformance_of(",removable", "SCSI.PreventAllow", "SCSI.StartStopUnit.Simple"),
         conformance.NEEDS),
    Case("target.conformance.physical", _conformance_of(
        ",physical=4096", "SCSI.CompareAndWrite.InvalidDataOutSize", "SCSI.WriteSame16.UnmapUnaligned"),
        conformance.NEEDS),
    Case("target.conformance.iscsi", _conformance("plain", "iSCSI"), conformance.NEEDS),
    Case("target.conformance.linux", _conformance("plain", "LINUX"), conformance.NEEDS),
    Case("target.conformance.header_digest", _conformance("header digest", "ALL", **_CRC), conformance.NEEDS),
    Case("target.conformance.multipath", _conformance("multipath", "ALL", urls=2), conformance.NEEDS),
]
