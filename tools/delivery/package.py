"""Debian packages of the installed tree, by dpkg-deb; what they depend on is read from the binaries by dpkg-shlibdeps.

No script runs when they are installed or removed: the linker's cache follows by the trigger of libc-bin.
"""

import gzip
import hashlib
import os
import pathlib
import subprocess
import tempfile

from tools.delivery import tree

_PACKAGES = {
    "libisthmus0": ("library", "libs", "same", "iSCSI protocol engine for targets and initiators",
                    "The library that programs built with libisthmus-dev need."),
    "libisthmus-dev": ("development", "libdevel", "same", "iSCSI protocol engine: headers and static library",
                       "One engine of RFC 7143 for targets and initiators, without sockets, threads or clocks of its\n"
                       " own, with CRC32C digests and their offload: isthmus.h, for C and C++."),
    "isthmus-tools": ("tools", "net", "foreign", "iSCSI target daemon and command line initiator",
                      "iscsi_target serves files and memory as iSCSI disks; iscsi copies, verifies and measures them."),
}
_MAINTAINER = "The Isthmus authors <isthmus@localhost>"
# Of every file, so that the same sources give the same packages.
_TIME = int(os.environ.get("SOURCE_DATE_EPOCH", "1767225600"))


def _run(*command: object, **options: object) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def _architecture() -> str:
    return _run("dpkg", "--print-architecture").strip()


def _multiarch() -> str:
    return _run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()


def _dependencies(binaries: list[pathlib.Path], library: pathlib.Path) -> str:
    """What dpkg-shlibdeps finds; it wants a source package around it."""
    with tempfile.TemporaryDirectory(prefix="isthmus-shlibdeps-") as name:
        work = pathlib.Path(name)
        (work / "debian").mkdir()
        (work / "debian/control").write_text(f"Source: isthmus\nMaintainer: {_MAINTAINER}\n\nPackage: any\n"
                                             f"Architecture: any\nDescription: any\n any\n")
        lines = _run("dpkg-shlibdeps", "-O", f"-l{library}", *[f"-e{path}" for path in binaries], cwd=work)
    return lines.partition("shlibs:Depends=")[2].strip()


def _documents(root: pathlib.Path, package: str) -> None:
    folder = root / "usr/share/doc" / package
    folder.mkdir(parents=True)
    licence = (tree.ROOT / "LICENSE").read_text()
    body = "".join(f" {line}\n" if line.strip() else " .\n" for line in licence.splitlines())
    (folder / "copyright").write_text("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
                                      "Upstream-Name: isthmus\n\nFiles: *\nCopyright: The Isthmus authors\n"
                                      f"License: BSD-3-Clause\n{body}")
    changes = f"isthmus ({tree.version()}-1) unstable; urgency=medium\n\n  * Built from the sources.\n\n" \
              f" -- {_MAINTAINER}  Thu, 01 Jan 2026 00:00:00 +0000\n"
    (folder / "changelog.Debian.gz").write_bytes(gzip.compress(changes.encode(), 9, mtime=0))


def _pack_pages(root: pathlib.Path) -> None:
    for page in list((root / "usr/share").glob("man/man*/*")):
        page.with_name(page.name + ".gz").write_bytes(gzip.compress(page.read_bytes(), 9, mtime=0))
        page.unlink()


def _control(root: pathlib.Path, package: str, depends: str) -> None:
    _, section, multiarch, summary, description = _PACKAGES[package]
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    control = root / "DEBIAN"
    control.mkdir()
    size = sum(path.stat().st_size for path in files) + 1023
    (control / "control").write_text(
        f"Package: {package}\nSource: isthmus\nVersion: {tree.version()}-1\nArchitecture: {_architecture()}\n"
        f"Maintainer: {_MAINTAINER}\nInstalled-Size: {size // 1024}\n"
        + (f"Depends: {depends}\n" if depends else "")
        + f"Section: {section}\nPriority: optional\nMulti-Arch: {multiarch}\nDescription: {summary}\n {description}\n")
    (control / "md5sums").write_text("".join(
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files))
    if package == "libisthmus0":
        (control / "shlibs").write_text(f"libisthmus 0 libisthmus0 (>= {tree.version()})\n")
        (control / "triggers").write_text("activate-noawait ldconfig\n")


def _normalise(root: pathlib.Path) -> None:
    for path in [root, *root.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)
        elif not path.is_symlink() and "bin" not in path.parts[-2:-1]:
            path.chmod(0o644)
        os.utime(path, (_TIME, _TIME), follow_symlinks=False)


def build(built: pathlib.Path, folder: pathlib.Path) -> list[pathlib.Path]:
    """Writes the packages into `folder`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    libdir = f"lib/{_multiarch()}"
    out = []
    with tempfile.TemporaryDirectory(prefix="isthmus-package-") as name:
        for package, (part, *_) in _PACKAGES.items():
            root = pathlib.Path(name) / package
            files = tree.lay(built, root, pathlib.Path("/usr"), libdir, {part})
            if package == "libisthmus-dev":
                depends = f"libisthmus0 (= {tree.version()}-1), libstdc++-12-dev | libstdc++-dev"
            else:
                binaries = [path for path in files if "bin" in path.parts or ".so." in path.name]
                depends = _dependencies(binaries, pathlib.Path(name) / "libisthmus0/usr" / libdir)
            _documents(root, package)
            _pack_pages(root)
            _control(root, package, depends)
            _normalise(root)
            path = folder / f"{package}_{tree.version()}-1_{_architecture()}.deb"
            _run("dpkg-deb", "--root-owner-group", "--build", root, path,
                 env={**os.environ, "SOURCE_DATE_EPOCH": str(_TIME)})
            out.append(path)
    return out
