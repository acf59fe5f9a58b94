"""The examples in C of examples/, built from the installed tree by plain cc and pkg-config, and used with real peers; and
docs/embedding.md's section "In one evening", whose commands are run as they stand there."""

import os
import pathlib
import re
import subprocess
import time

from tools.peers import case, conformance, ours, process, tgt
from tools.testing import embedding
from tools.testing.embedding import Failure, Installed, Skip, need
from tools.testing.outcome import Outcome

ROOT = embedding.ROOT
EXAMPLES = ROOT / "examples"
PAGE = ROOT / "docs/embedding.md"
# Examples stay small enough to be read.
MAX_LINES = 200
MEBIBYTE = 1 << 20


def _compile(installed: Installed, name: str, *options: str) -> pathlib.Path:
    return installed.compile(installed.folder / name, EXAMPLES / f"{name}.c", options=options)


def _scene(installed: Installed, name: str) -> case.Scene:
    folder = installed.folder / name
    folder.mkdir()
    return case.Scene(folder)


def _image(scene: case.Scene, name: str, mebibytes: int) -> pathlib.Path:
    """Bytes that differ everywhere, with a hole at the end, as images have."""
    path = scene.folder / name
    path.write_bytes(os.urandom(mebibytes * MEBIBYTE * 2 // 3 // 512 * 512))
    os.truncate(path, mebibytes * MEBIBYTE)
    return path


def examples_are_small(_: Installed) -> None:
    for path in sorted([*EXAMPLES.glob("*.c"), *EXAMPLES.glob("*.h")]):
        lines = len(path.read_text().splitlines())
        if lines >= MAX_LINES:
            raise Failure(f"{path.name} has {lines} lines")


def digests_alone(installed: Installed) -> None:
    program = _compile(installed, "crc32c")
    sample, zeros = installed.folder / "sample", installed.folder / "zeros"
    sample.write_bytes(b"123456789")
    zeros.write_bytes(bytes(32))
    for kernel in ("", "portable"):
        surroundings = installed.environment | ({"ISTHMUS_KERNEL": kernel} if kernel else {})
        told = embedding.run(program, sample, zeros, env=surroundings)
        if told != f"e3069283 9 {sample}\n8a9136aa 32 {zeros}\n":  # the published check value; RFC 7143 appendix A.4
            raise Failure(f"crc32c says {told!r}")
    wrong = subprocess.run([program, sample], env=installed.environment | {"ISTHMUS_KERNEL": "none"}, stderr=subprocess.PIPE)
    if wrong.returncode != 2:
        raise Failure("a kernel that does not exist is taken")


# ---- The nbdkit plugin.

def _nbd(installed: Installed, plugin: pathlib.Path, disk, script: str) -> str:
    """Runs a script with $uri, an NBD disk that is the iSCSI disk, with both digests."""
    return installed.run("nbdkit", "--unix", "-", "--foreground", plugin, disk.url(), "digests=CRC32C", "--run",
                         f"set -e; {script}")


def _copy_both_ways(installed: Installed, plugin: pathlib.Path, scene: case.Scene, disk, mebibytes: int) -> None:
    image, other, back = _image(scene, "image", mebibytes), _image(scene, "other", mebibytes), scene.folder / "back"
    told = _nbd(installed, plugin, disk, f"qemu-img info $uri; nbdcopy {image} $uri; nbdcopy $uri {back}; "
                f"qemu-img compare -f raw -F raw {image} $uri")
    if f"({mebibytes * MEBIBYTE} bytes)" not in told or "Images are identical" not in told:
        raise Failure(f"nbdcopy and qemu-img say {told}")
    if back.read_bytes() != image.read_bytes():
        raise Failure("what nbdcopy brought back is not what it took")
    told = _nbd(installed, plugin, disk, f"qemu-img convert -n -f raw -O raw {other} $uri; "
                f"qemu-img compare -f raw -F raw {other} $uri")
    if "Images are identical" not in told:
        raise Failure(f"qemu-img says {told}")


def _plugin(installed: Installed) -> pathlib.Path:
    for program in ("nbdkit", "nbdcopy", "qemu-img"):
        need(program, "the nbdkit plugin is not tried")
    return _compile(installed, "nbdkit_isthmus", "-fPIC", "-shared", "-lcrypto")


def nbdkit_plugin_with_iscsi_target(installed: Installed) -> None:
    plugin = _plugin(installed)
    with _scene(installed, "nbdkit-ours") as scene:
        path = _image(scene, "disk", 48)
        served = ours.Target(scene, [f"file:{path}"])
        _copy_both_ways(installed, plugin, scene, served.disk, 48)
        # Zeros and holes as one command each; what is not a whole block is refused.
        told = _nbd(installed, plugin, served.disk, "qemu-io -f raw -c 'write -z 4M 3M' -c 'discard 16M 2M' -c flush "
                    "-c 'read -P 0 4M 3M' -c 'write -P 0x5a -f 8M 64k' -c 'read -P 0x5a 8M 64k' $uri")
        if "error" in told or "failed" in told:
            raise Failure(f"qemu-io says {told}")
        if path.read_bytes()[4 * MEBIBYTE:7 * MEBIBYTE] != bytes(3 * MEBIBYTE):
            raise Failure("zeros have not arrived")
        statistics = served.stop()
        received, sent = ours.digests(statistics, "received"), ours.digests(statistics, "sent")
        if received.header_bad or received.data_bad or not (received.data_good and sent.data_good and sent.header_good):
            raise Failure(f"digests: received {received}, sent {sent}")
        # No target any more: an error that says so.
        gone = subprocess.run(["nbdkit", "--unix", "-", "--foreground", plugin, served.disk.url(), "--run", "nbdinfo $uri"],
                              env=installed.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if gone.returncode == 0 or "cannot connect" not in gone.stdout:
            raise Failure(f"without a target the plugin says {gone.stdout}")


def nbdkit_plugin_with_tgt(installed: Installed) -> None:
    plugin = _plugin(installed)
    if case.find_program("tgtd") is None:
        raise Skip("no tgtd: the nbdkit plugin is not tried with it")
    with _scene(installed, "nbdkit-tgt") as scene:
        disk = tgt.Tgt(scene).add("iqn.2026-11.example:nbd", _image(scene, "disk", 32), digests=True)
        _copy_both_ways(installed, plugin, scene, disk, 32)


CHAP = {"user": "alice", "secret": "sesame sesame", "mutual_user": "disk", "mutual_secret": "open open open"}


def _chap_size(installed: Installed, plugin: pathlib.Path, disk, secrets: pathlib.Path | None) -> str:
    """What nbdinfo says the size is, or why there is none, with these secrets; they must not be seen anywhere."""
    words = [] if secrets is None else [f"secrets={secrets}"]
    done = subprocess.run(["nbdkit", "--unix", "-", "--foreground", "--verbose", plugin, disk.url(), *words, "--run",
                           "nbdinfo --size $uri"], env=installed.environment, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    for secret in ("sesame", "open open"):
        if secret in done.stdout + done.stderr:
            raise Failure(f"nbdkit shows a secret: {done.stderr}")
    return done.stdout.strip() if done.returncode == 0 else done.stderr


def nbdkit_plugin_with_chap(installed: Installed) -> None:
    """One-way and mutual, with iscsi_target and tgt; each thing that can be wrong is refused in its own words."""
    plugin = _plugin(installed)
    with _scene(installed, "nbdkit-chap") as scene:
        one_way = {key: value for key, value in CHAP.items() if not key.startswith("mutual")}
        served = ours.Target(scene, ["ram:4M"], chap=CHAP).disk
        disks = [served]
        if case.find_program("tgtd") is not None:
            disks.append(tgt.Tgt(scene).add("iqn.2026-11.example:nbd", _image(scene, "disk", 4), **CHAP))
        for disk in disks:
            for name, accounts in (("one-way", one_way), ("mutual", CHAP)):
                told = _chap_size(installed, plugin, disk, ours.write_secrets(scene, name, accounts))
                scene.equal(told, str(4 * MEBIBYTE), f"size by {name} CHAP, or why not, at {disk.iqn}")
        open_to_all = ours.write_secrets(scene, "open", CHAP)
        open_to_all.chmod(0o640)
        short = ours.write_secrets(scene, "short", one_way)
        short.write_text("alice sesame\n")
        wrong = ours.write_secrets(scene, "wrong", one_way | {"secret": "sesame sesam0"})
        mutual = ours.write_secrets(scene, "wrong-mutual", CHAP | {"mutual_secret": "open open ope0"})
        for secrets, words in ((None, "login: authentication failed"), (wrong, "login: authentication failed"),
                               (mutual, "login: target not authenticated"), (open_to_all, "chmod 600"),
                               (short, "12 bytes"), (scene.folder / "none", "No such file")):
            told = _chap_size(installed, plugin, served, secrets)
            scene.check(words in told, f"with {secrets} nbdkit does not say {words!r} but {told}")


def nbdkit_plugin_reconnects(installed: Installed) -> None:
    """With nbdkit's retry filter, when the target is killed and comes back: the NBD client sees a pause."""
    plugin = _plugin(installed)
    with _scene(installed, "nbdkit-retry") as scene:
        path, port = _image(scene, "disk", 8), process.free_port()
        command = [ours.program("iscsi_target"), f"--portal=127.0.0.1:{port}", f"--target={ours.IQN}", f"--lun=file:{path}",
                   f"--stats={scene.folder / 'stats.json'}"]
        first = scene.start(command, "first")
        first.wait_for(lambda: process.listens(port), "listening")
        client = scene.start(["nbdkit", "--unix", "-", "--foreground", "--filter=retry", plugin,
                              f"iscsi://127.0.0.1:{port}/{ours.IQN}/0", "retry-delay=1", "--run",
                              "qemu-io -f raw -r -c 'read 0 1M' -c 'sleep 4000' -c 'read 1M 1M' $uri"], "client",
                             installed.environment)
        client.wait_for(lambda: re.search(rf":{port:04X} [0-9A-F:]+ 01 ", pathlib.Path("/proc/net/tcp").read_text()),
                        "connected to the target")
        time.sleep(1.5)  # it has logged in and read, or will have to try again
        first.kill()
        scene.start(command, "second").wait_for(lambda: process.listens(port), "listening")
        scene.equal(client.wait(60), 0, "exit status of the client")
        text = client.text()
        if "error: command 0x88" not in text or "1048576/1048576 bytes at offset 1048576" not in text:
            raise Failure(f"the client did not see a lost connection, or did not get over it:\n{text}")


# ---- The target loop.

FAMILIES = ("Read6", "Read10", "Read12", "Read16", "Write10", "Write12", "Write16")
# What the suite remarks on tests that pass: by these two commands it would look for more.
REMARKS = ("PERSISTENT RESERVE IN is not implemented.", "REPORT_SUPPORTED_OPCODES is not implemented.")


def target_loop_with_stock_initiators(installed: Installed) -> None:
    for program in ("iscsi-inq", "iscsi-ls", "iscsi-test-cu", "qemu-img"):
        need(program, "the target loop is not tried")
    program = _compile(installed, "target_loop")
    with _scene(installed, "target-loop") as scene:
        image, path = _image(scene, "image", 32), _image(scene, "disk", 32)
        running = scene.start([program, path, "127.0.0.1", "0"], environment=installed.environment)
        url = running.wait_for(lambda: re.search(r"iscsi://\S+/0\n", running.text()), "listening")[0].strip()
        portal = url.split("/")[2]
        scene.check("ISTHMUS" in scene.run(["iscsi-inq", url]), "no vendor in the answer")
        listed = scene.run(["iscsi-ls", "-s", f"iscsi://{portal}"])
        scene.check("Target:iqn.2026-11.example:file" in listed and "DIRECT_ACCESS" in listed, listed)
        scene.run(["qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", image, url])
        scene.check("identical" in scene.run(["qemu-img", "compare", "-f", "raw", "-F", "raw", image, url]), "they differ")
        scene.equal(path.read_bytes() == image.read_bytes(), True, "the file is what was copied")
        ours.iscsi(scene, "verify", f"{url}?header_digest=crc32c&data_digest=crc32c", image)
        outcome = Outcome()
        for family in FAMILIES:
            outcome.add(conformance.run(scene, family, f"SCSI.{family}", [url]))
        other = [line for line in outcome.skipped if not line.endswith(REMARKS)]
        if outcome.failed or other or outcome.passed < 20:
            raise Failure(f"{outcome}: {outcome.failed + other}")
        scene.check("iscsi://" in running.text() and len(running.text().splitlines()) == 1,
                    f"the target loop complains:\n{running.text()}")


# ---- The dissector.

def dissector_agrees_with_tshark(installed: Installed) -> None:
    need("tshark", "the dissector has no referee")
    program = _compile(installed, "pdu_lines")
    for digests in ("None", "CRC32C"):
        with _scene(installed, f"dissector-{digests}") as scene:
            image = _image(scene, "image", 3)
            served = ours.Target(scene, [f"file:{_image(scene, 'disk', 3)}"], capture=True)
            word = digests.lower()
            ours.iscsi(scene, "copy", image, served.disk.url(header_digest=word, data_digest=word))
            served.stop()
            lines = installed.run(program, served.capture).splitlines()
            opcodes = embedding.run("tshark", "-r", served.capture, "-d", f"tcp.port=={served.disk.port},iscsi", "-T", "fields",
                                    "-e", "iscsi.opcode")
            theirs = [int(word, 16) & 0x3f for word in re.findall(r"0x[0-9a-f]+", opcodes)]
            mine = [int(re.search(r" opcode 0x([0-9a-f]{2}) ", line)[1], 16) for line in lines]
            if sorted(mine) != sorted(theirs) or len(mine) < 20:
                raise Failure(f"digests {digests}: {len(mine)} PDUs here, {len(theirs)} by tshark; "
                              f"{sorted(mine)[:40]} {sorted(theirs)[:40]}")
            good = sum("data digest good" in line for line in lines)
            if any("BAD" in line for line in lines) or (good == 0) == (digests == "CRC32C"):
                raise Failure(f"digests {digests}: {good} good data digests")


# ---- The page, and Bazel.

def _code(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S))


def code_of_the_page(installed: Installed) -> None:
    """What it shows in C compiles, does what it says, and says it of the installed library; what it shows in C++ compiles."""
    shown = installed.folder / "page.h"
    shown.write_text(_code("c"))
    program = installed.compile(installed.folder / "page", ROOT / "tools/testing/embedding_page.c", ROOT / "capi/pair.c",
                                options=(f'-DISTHMUS_PAGE="{shown}"', f"-I{ROOT / 'capi'}", "-lcrypto"))
    told = installed.run(program)
    if told != "the page is right\n":
        raise Failure(f"the page's code says {told}")
    source = installed.folder / "page.cc"
    source.write_text(_code("cpp"))
    if "OffloadChannel" not in source.read_text():
        raise Failure("the page shows nothing in C++")
    embedding.run("g++", "-std=c++20", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                  f"-I{ROOT}", source)


def one_evening_as_the_page_says(installed: Installed) -> None:
    for program in ("nbdkit", "nbdcopy"):
        need(program, "the evening is not tried")
    section = PAGE.read_text().split("\n## In one evening\n")[1].split("\n## ")[0]
    commands = "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S))
    scratch = installed.folder / "evening"
    scratch.mkdir()
    told = embedding.run("bash", "-euo", "pipefail", "-c", commands, cwd=ROOT,
                         env=embedding.environment(pathlib.Path("/none")) | {"TMPDIR": str(scratch)}, timeout=600)
    if "The disk has arrived." not in told or "It has come back." not in told:
        raise Failure(f"the page's commands say {told}")


def another_bazel_workspace(installed: Installed) -> None:
    folder = EXAMPLES / "bazel_embed"
    # One folder for all runs: the second costs seconds. A server of its own, which ends with the check.
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "isthmus/bazel_embed"
    bazel = ["bazel", "--max_idle_secs=60", f"--output_base={base}"]
    try:
        told = embedding.run(*bazel, "run", "--color=no", "--curses=no", "--noshow_progress", "-c", "opt", "//:login",
                             cwd=folder, env={**os.environ, "CC": "gcc"})
        if not re.search(r"logged in, CHAP proven, HeaderDigest CRC32C, kernel \S+$", told, re.M):
            raise Failure(f"the embedding program says {told}")
    finally:
        subprocess.run([*bazel, "shutdown"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


CHECKS = [examples_are_small, digests_alone, nbdkit_plugin_with_iscsi_target, nbdkit_plugin_with_tgt,
          nbdkit_plugin_with_chap, nbdkit_plugin_reconnects,
          target_loop_with_stock_initiators, dissector_agrees_with_tshark, code_of_the_page, one_evening_as_the_page_says,
          another_bazel_workspace]
