"""Disk images with something real on them: an ext4 file system, made without root, of files of this machine."""

import hashlib
import os
import pathlib

from tools.peers import case

_FILES = pathlib.Path("/usr/include")  # Some thousand text files of every size, there wherever a compiler is.


def ext4(scene: case.Scene, path: pathlib.Path, mebibytes: int = 64, files: pathlib.Path = _FILES) -> pathlib.Path:
    """An ext4 image of `mebibytes` that holds as many of `files` as fill half of it, and one executable."""
    staging = scene.folder / f"{path.name}.files"
    room = mebibytes * 2**20 // 2
    for source in [pathlib.Path("/bin/bash"), *sorted(files.rglob("*"))]:
        if source.is_file() and not source.is_symlink() and room > 0:
            room -= 4096 + source.stat().st_size
            copy = staging / source.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())
    scene.run(["mke2fs", "-q", "-t", "ext4", "-d", staging, path, f"{mebibytes}M"])
    return path


def random(path: pathlib.Path, mebibytes: int) -> pathlib.Path:
    """A file of bytes that repeat nowhere, so that a block in the wrong place shows."""
    with open(path, "wb") as output:
        for _ in range(mebibytes):
            output.write(os.urandom(2**20))
    return path


def empty(path: pathlib.Path, mebibytes: int) -> pathlib.Path:
    path.touch()
    os.truncate(path, mebibytes * 2**20)
    return path


def digest(path: pathlib.Path, length: int | None = None) -> str:
    """The SHA-256 of a file or of its first `length` bytes."""
    state = hashlib.sha256()
    left = path.stat().st_size if length is None else length
    with open(path, "rb") as content:
        while left > 0 and (block := content.read(min(2**20, left))):
            state.update(block)
            left -= len(block)
    return state.hexdigest()


def check_file_system(scene: case.Scene, path: pathlib.Path) -> None:
    scene.run(["e2fsck", "-f", "-n", path])
