"""The installed tree: which file goes where, for tools/install and for the packages.

    built = tree.build()
    files = tree.lay(built, root, prefix, "lib")       # everything, below root/prefix
    files = tree.lay(built, root, prefix, "lib", parts={"library"})

Paths in isthmus.pc and the CMake package are relative to their own place, so that the tree may be moved as a whole.
"""

import os
import pathlib
import re
import shutil
import subprocess

from tools.delivery import man
from tools.testing import bazel

ROOT = bazel.ROOT
LIBRARY = "//capi:libisthmus.so.0"
ARCHIVE = "//capi:libisthmus_whole.a"
PROGRAMS = {"iscsi_target": "//target/daemon:iscsi_target", "iscsi": "//initiator/cli:iscsi"}
PARTS = ("library", "development", "tools")

_PKG_CONFIG = """\
prefix=${{pcfiledir}}/{to_prefix}
includedir=${{prefix}}/include
libdir=${{prefix}}/{libdir}

Name: isthmus
Description: iSCSI protocol engine (RFC 7143) for targets and initiators, with CRC32C digests
Version: {version}
Cflags: -I${{includedir}}
Libs: -L${{libdir}} -listhmus
Libs.private: -lstdc++
"""

_CMAKE = """\
# find_package(Isthmus) gives Isthmus::isthmus, the shared library, and Isthmus::isthmus_static.
get_filename_component(_isthmus_prefix "${{CMAKE_CURRENT_LIST_DIR}}/{to_prefix}" ABSOLUTE)
if(NOT TARGET Isthmus::isthmus)
  add_library(Isthmus::isthmus SHARED IMPORTED)
  set_target_properties(Isthmus::isthmus PROPERTIES
    IMPORTED_LOCATION "${{_isthmus_prefix}}/{libdir}/libisthmus.so.0"
    IMPORTED_SONAME "libisthmus.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${{_isthmus_prefix}}/include")
endif()
if(NOT TARGET Isthmus::isthmus_static)
  add_library(Isthmus::isthmus_static STATIC IMPORTED)
  set_target_properties(Isthmus::isthmus_static PROPERTIES
    IMPORTED_LOCATION "${{_isthmus_prefix}}/{libdir}/libisthmus.a"
    INTERFACE_LINK_LIBRARIES "stdc++"
    INTERFACE_INCLUDE_DIRECTORIES "${{_isthmus_prefix}}/include")
endif()
unset(_isthmus_prefix)
"""

_CMAKE_VERSION = """\
set(PACKAGE_VERSION "{version}")
if(PACKAGE_VERSION VERSION_LESS PACKAGE_FIND_VERSION OR NOT PACKAGE_FIND_VERSION_MAJOR EQUAL {major})
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
"""


def version() -> str:
    """As isthmus.h says."""
    header = (ROOT / "capi/isthmus.h").read_text()
    return ".".join(re.search(rf"#define ISTHMUS_VERSION_{part} (\d+)", header)[1]
                    for part in ("MAJOR", "MINOR", "PATCH"))


def build() -> pathlib.Path:
    """Builds everything that is laid; the folder that holds it."""
    return bazel.build(bazel.OPTIMISED, [LIBRARY, ARCHIVE, *PROGRAMS.values()])


class _Tree:
    def __init__(self, root: pathlib.Path, prefix: pathlib.Path) -> None:
        self.base = root / prefix.relative_to("/")
        self.files: list[pathlib.Path] = []

    def _at(self, where: str) -> pathlib.Path:
        path = self.base / where
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.unlink()
        self.files.append(path)
        return path

    def copy(self, source: pathlib.Path, where: str, mode: int = 0o644, strip: str = "") -> None:
        path = self._at(where)
        shutil.copyfile(source, path)
        path.chmod(0o755)
        if strip:
            subprocess.run(["strip", strip, "--remove-section=.comment", "--remove-section=.note", path], check=True)
        path.chmod(mode)

    def write(self, text: str | bytes, where: str) -> None:
        path = self._at(where)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(0o644)

    def link(self, to: str, where: str) -> None:
        self._at(where).symlink_to(to)


def _label_path(built: pathlib.Path, label: str) -> pathlib.Path:
    return built / label.removeprefix("//").replace(":", "/")


def lay(built: pathlib.Path, root: pathlib.Path, prefix: pathlib.Path, libdir: str,
        parts: set[str] | None = None) -> list[pathlib.Path]:
    """Writes the files of `parts` (all of them) below root/prefix; which."""
    parts = set(PARTS) if parts is None else parts
    out = _Tree(root, prefix)
    if "library" in parts:
        out.copy(_label_path(built, LIBRARY), f"{libdir}/libisthmus.so.0", strip="--strip-unneeded")
    if "development" in parts:
        for header in ("isthmus.h", "isthmus_errors.h"):
            out.copy(ROOT / "capi" / header, f"include/{header}")
        out.link("libisthmus.so.0", f"{libdir}/libisthmus.so")
        out.copy(_label_path(built, ARCHIVE), f"{libdir}/libisthmus.a")
        names = {"version": version(), "major": version().split(".")[0], "libdir": libdir}
        for text, where in ((_PKG_CONFIG, "pkgconfig/isthmus.pc"), (_CMAKE, "cmake/Isthmus/IsthmusConfig.cmake"),
                            (_CMAKE_VERSION, "cmake/Isthmus/IsthmusConfigVersion.cmake")):
            to_prefix = os.path.relpath(".", os.path.dirname(f"{libdir}/{where}"))
            out.write(text.format(to_prefix=to_prefix, **names), f"{libdir}/{where}")
    if "tools" in parts:
        for name, label in PROGRAMS.items():
            program = _label_path(built, label)
            out.copy(program, f"bin/{name}", mode=0o755, strip="--strip-all")
            page, section = man.page(name, program, version())
            out.write(page, f"share/man/man{section}/{name}.{section}")
    return out.files
