"""A guest: Debian's kernel and a small userland in memory, under QEMU's software emulation, for its initiator or LIO.

The initrd is built once and kept in the user's cache; what a guest does is a shell script (guest_scripts/), packed
into a second, small initrd that the kernel unpacks over the first. The script talks by lines on the console:

    GUEST ok WHAT      GUEST fail WHAT      GUEST skip WHAT      GUEST ready      GUEST done

From inside, 10.0.2.2 is this machine's loopback; `forward` brings ports of the guest (10.0.2.15) to this machine.
"""

import contextlib
import fcntl
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tools.peers import case, process

NEEDS = ("qemu-system-x86_64", "busybox", "iscsistart", "modprobe", "cpio", "mkfs.ext4")

_HERE = pathlib.Path(__file__).resolve().parent
_MODULES = ("virtio_pci", "virtio_net", "iscsi_tcp", "sd_mod", "ext4", "crc32c_intel", "crc32c_generic", "crc_t10dif",
            "crct10dif_generic", "configfs", "target_core_mod", "target_core_file", "iscsi_target_mod")
_PROGRAMS = ("iscsistart", "mkfs.ext4", "e2fsck")
_INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/sbin LD_LIBRARY_PATH=/lib
mkdir -p /proc /sys /dev /tmp /run/lock /etc/iscsi /mnt
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
echo 1 > /proc/sys/kernel/printk
for module in $(cat /modules.order); do insmod "$module" 2>/dev/null; done
ip link set lo up; ip link set eth0 up; ip address add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
. /scenario.sh
echo GUEST done
sync
poweroff -f
"""


class Guest:
    """One running guest."""

    def __init__(self, scene: case.Scene, script: str, variables: dict, forward: dict[int, int] | None = None,
                 memory_mebibytes: int = 1024):
        with _one_at_a_time():
            kernel_folder = _kernel()
            base_initrd = _base_initrd(kernel_folder)
        overlay = scene.folder / "scenario.cpio.gz"
        settings = "".join(f"{name}='{value}'\n" for name, value in variables.items())
        _pack(overlay, {"scenario.sh": (settings + (_HERE / "guest_scripts" / script).read_text()).encode()})
        initrd = scene.folder / "initrd"
        with open(initrd, "wb") as output:
            for part in (base_initrd, overlay):
                output.write(part.read_bytes())
        network = "user,id=n0" + "".join(f",hostfwd=tcp:127.0.0.1:{here}-10.0.2.15:{there}"
                                         for here, there in (forward or {}).items())
        # Under KVM these guests hang on some machines, so they always run under tcg.
        self.running = scene.start(
            ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", memory_mebibytes, "-nodefaults", "-nographic",
             "-serial", "stdio", "-kernel", next(kernel_folder.glob("boot/vmlinuz-*")), "-initrd", initrd,
             "-append", "console=ttyS0 quiet panic=-1", "-netdev", network,
             "-device", "virtio-net-pci,netdev=n0,romfile=", "-no-reboot"], name=f"guest-{script}")

    def said(self, word: str) -> list[str]:
        """What followed GUEST `word` on the console, line by line."""
        return [what.strip() for what in re.findall(rf"GUEST {word}\b(.*)", self.running.text())]

    def wait_until_ready(self, timeout_s: float = 120) -> None:
        self.running.wait_for(lambda: self.said("ready"), "ready", timeout_s)

    def wait_until_done(self, timeout_s: float = 240) -> None:
        self.running.wait(timeout_s)
        if not self.said("done"):
            raise case.Failure("the guest ended early:\n" + self.running.text()[-3000:])


def kernel_version() -> str:
    """As its file is named: "6.1.0-40-amd64"."""
    return next(_kernel().glob("boot/vmlinuz-*")).name.removeprefix("vmlinuz-")


@contextlib.contextmanager
def _one_at_a_time():
    """What is kept is made by one process at a time."""
    with open(_HERE / "kernel_image") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _kernel() -> pathlib.Path:
    try:
        status, output = process.run([str(_HERE / "kernel_image")], timeout_s=300)
    except process.TimeOut as error:
        raise case.Skip(f"no kernel for the guest: {error}") from None
    if status != 0:
        raise case.Skip(f"no kernel for the guest: {output.strip()[-300:]}")
    return pathlib.Path(output.strip().splitlines()[-1])


def _base_initrd(kernel_folder: pathlib.Path) -> pathlib.Path:
    """The userland and modules; built anew when the kernel, a program or this file is another."""
    programs = [case.find_program(name) for name in ("busybox", *_PROGRAMS)]
    identity = hashlib.sha256()
    for path in (__file__, *programs):
        identity.update(pathlib.Path(path).read_bytes())
    identity.update(kernel_folder.name.encode())
    initrd = kernel_folder.parent / f"initrd-{identity.hexdigest()[:16]}.cpio.gz"
    if initrd.exists():
        return initrd
    files = {"init": _INIT.encode(), "bin/busybox": pathlib.Path(programs[0]).read_bytes()}
    for program in programs[1:]:
        files[f"bin/{pathlib.Path(program).name}"] = pathlib.Path(program).read_bytes()
        for library in _libraries(program):
            # The loader stands at the path that the programs name, the rest where LD_LIBRARY_PATH points.
            inside = library.lstrip("/") if "ld-linux" in library else f"lib/{pathlib.Path(library).name}"
            files[inside] = pathlib.Path(library).read_bytes()
    order = []
    for path in _modules(kernel_folder):
        inside = f"modules/{path.name}"
        files[inside] = path.read_bytes()
        order.append(f"/{inside}")
    files["modules.order"] = "\n".join(order).encode()
    for old in kernel_folder.parent.glob("initrd-*.cpio.gz"):
        old.unlink(missing_ok=True)
    _pack(initrd, files)
    return initrd


def _libraries(program: str) -> list[str]:
    output = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", output)


def _modules(kernel_folder: pathlib.Path) -> list[pathlib.Path]:
    """The modules and what they depend on, in the order of loading."""
    version = next((kernel_folder / "lib" / "modules").iterdir()).name
    depmod = case.find_program("depmod")
    modprobe = case.find_program("modprobe")
    if not (kernel_folder / "lib" / "modules" / version / "modules.dep.bin").exists():
        subprocess.run([depmod, "-b", kernel_folder, version], check=True)
    found: list[pathlib.Path] = []
    for module in _MODULES:
        shown = subprocess.run([modprobe, "-d", kernel_folder, "-S", version, "--show-depends", module],
                               stdout=subprocess.PIPE, text=True)
        for path in re.findall(r"^insmod (\S+)", shown.stdout, re.MULTILINE):
            if pathlib.Path(path) not in found:
                found.append(pathlib.Path(path))
    return found


def _pack(archive: pathlib.Path, files: dict[str, bytes]) -> None:
    """A compressed initramfs of executable files, owned by root, whoever packs it."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        names = set()
        for name, content in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o755)
            names |= {name} | {str(parent) for parent in pathlib.PurePath(name).parents if str(parent) != "."}
        packed = subprocess.run([case.find_program("cpio"), "--quiet", "-o", "-H", "newc", "-R", "0:0"],
                                input="\n".join(sorted(names)).encode(), stdout=subprocess.PIPE, cwd=folder, check=True)
        new = pathlib.Path(folder) / "packed"
        new.write_bytes(gzip.compress(packed.stdout, compresslevel=1))
        os.chmod(new, 0o644)
        shutil.move(new, archive)
