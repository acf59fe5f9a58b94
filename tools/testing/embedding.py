"""The part `embedding`: libisthmus as others get it, installed and packaged, used without Bazel and without this checkout.

Checked:
  * what libisthmus.so.0 needs and shows: only the C and C++ run-times, only the functions of isthmus.h, each of them, at
    their version; its ABI is that of capi/abi (abidiff); libisthmus.a shows no more than it
  * each header compiles alone, twice, and after every other one, as C11 and as C++ from 11 on
  * a program of both sides (capi/pair_main.c) builds by pkg-config, against the shared and the static library, and by CMake,
    and runs
  * tools/package: the packages install into a root of their own, hold the files of tools/install, serve to build the same
    program, and are removed without a trace; man pages name every flag
  * the examples in C (tools/testing/embedding_examples.py), with nbdkit, qemu-img, libiscsi, tgt and tshark

Run it alone: tools/test embedding [CHECK…]
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Callable

from tools.delivery import man, package, tree
from tools.testing.outcome import Outcome

ROOT = tree.ROOT
ABI = ROOT / "capi/abi/libisthmus.so.0.abi"
# Of C and C++, and of the loader.
RUN_TIMES = {"libc.so.6", "libm.so.6", "libstdc++.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2",
             "ld-linux-aarch64.so.1"}


class Failure(Exception):
    """A check that did not hold, in words."""


class Skip(Exception):
    """A check that cannot run here, and why."""


class Installed:
    """A tree that tools/install laid, in a fresh folder."""

    def __init__(self, built: pathlib.Path, folder: pathlib.Path) -> None:
        self.built = built  # what Bazel built
        self.folder = folder  # for the checks' own files
        self.prefix = folder / "prefix"
        self.files = tree.lay(built, pathlib.Path("/"), self.prefix, "lib")
        self.library = self.prefix / "lib/libisthmus.so.0"
        self.environment = environment(self.prefix / "lib")

    def run(self, *command: object, **options: object) -> str:
        return run(*command, env=self.environment, **options)

    def pkg_config(self, *words: str) -> list[str]:
        return self.run("pkg-config", *words, "isthmus").split()

    def compile(self, out: pathlib.Path, *sources: pathlib.Path, options: tuple[str, ...] = ()) -> pathlib.Path:
        """A C11 program from sources, by plain cc and pkg-config."""
        self.run("cc", "-std=c11", "-D_DEFAULT_SOURCE", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", out,
                 *sources, *options, *self.pkg_config("--cflags", "--libs"))
        return out


def environment(libdir: pathlib.Path) -> dict[str, str]:
    """Finds the library of a tree, to build and to run."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8",
            "PKG_CONFIG_PATH": str(libdir / "pkgconfig"), "LD_LIBRARY_PATH": str(libdir)}


def run(*command: object, **options: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(words)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def need(program: str, why: str) -> None:
    if shutil.which(program) is None:
        raise Skip(f"no {program}: {why}")


# ---- The library.

def declared() -> set[str]:
    """The functions of isthmus.h that are not inline."""
    header = re.sub(r"/\*.*?\*/", "", (ROOT / "capi/isthmus.h").read_text(), flags=re.S)
    return set(re.findall(r"(?:ISTHMUS_API|ISTHMUS_CHECKED)\s[^;{]*?\b(isthmus_\w+)\s*\(", header))


def needs_only_run_times(installed: Installed) -> None:
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "--dynamic", installed.library)))
    if needed - RUN_TIMES:
        raise Failure(f"libisthmus.so.0 needs {sorted(needed - RUN_TIMES)}")
    if "[libisthmus.so.0]" not in run("readelf", "--dynamic", installed.library):
        raise Failure("libisthmus.so.0 has another soname")


def shows_only_its_functions(installed: Installed) -> None:
    lines = run("nm", "--dynamic", "--defined-only", "--with-symbol-versions", installed.library).splitlines()
    shown = {line.split()[-1] for line in lines} - {"ISTHMUS_0", "ISTHMUS_0@@ISTHMUS_0"}
    wanted = {f"{name}@@ISTHMUS_0" for name in declared()}
    if shown != wanted:
        raise Failure(f"shown and not in isthmus.h: {sorted(shown - wanted)}; in isthmus.h and not shown: "
                      f"{sorted(wanted - shown)} (capi/isthmus.map)")
    mapped = set(re.findall(r"^    (isthmus_\w+);", (ROOT / "capi/isthmus.map").read_text(), re.M))
    if mapped != declared():
        raise Failure(f"capi/isthmus.map and isthmus.h differ: {sorted(mapped ^ declared())}")


def dump_abi(built: pathlib.Path, out: pathlib.Path) -> None:
    """The ABI of the library that Bazel built, whose own sources carry debug information."""
    run("abidw", "--headers-dir", ROOT / "capi", "--drop-private-types", "--exported-interfaces-only", "--no-show-locs",
        "--no-corpus-path", "--no-comp-dir-path", "--type-id-style", "hash", "--out-file", out,
        built / "capi/libisthmus.so.0")


def abi_is_kept(installed: Installed) -> None:
    need("abidiff", "the ABI is not compared (package abigail-tools)")
    now = installed.folder / "now.abi"
    dump_abi(installed.built, now)
    broken = installed.folder / "broken.abi"
    broken.write_text(now.read_text().replace("isthmus_crc32c_load", "isthmus_crc32c_gone"))
    if subprocess.run(["abidiff", ABI, broken], stdout=subprocess.DEVNULL).returncode == 0:
        raise Failure("abidiff does not see that a function is gone: the comparison means nothing")
    if subprocess.run(["abidiff", ABI, now], stdout=subprocess.DEVNULL).returncode != 0:
        told = subprocess.run(["abidiff", ABI, now], stdout=subprocess.PIPE, text=True).stdout
        raise Failure(f"the ABI is not that of {ABI.relative_to(ROOT)}; if it only grew, or before the first release, "
                      f"tools/test embedding --update_abi\n{told}")


def archive_shows_only_its_functions(installed: Installed) -> None:
    """A host may have C++ symbols of the same names, of another version of this code, say: neither takes the other's."""
    archive = installed.prefix / "lib/libisthmus.a"
    rows = [line.split() for line in run("nm", archive).splitlines()]
    shown = {words[-1] for words in rows if len(words) == 3 and (words[1].isupper() or words[1] == "u")}
    if shown != declared():
        raise Failure(f"libisthmus.a shows, and isthmus.h does not declare: {sorted(shown - declared())[:20]}; the other way "
                      f"round: {sorted(declared() - shown)}")
    hidden = sorted({words[2] for words in rows if len(words) == 3 and words[1] == "t" and "7isthmus" in words[2]
                     and words[2].isidentifier()})
    if len(hidden) < 100:
        raise Failure(f"libisthmus.a has {len(hidden)} functions of its own: the check that nobody collides means nothing")
    host = installed.folder / "host.c"
    host.write_text("#include <stdlib.h>\n" + "".join(f"void {name}(void) {{ abort(); }}\n" for name in hidden))
    program = installed.folder / "beside"
    installed.run("cc", "-std=c11", "-o", program, host, *_PAIR, *installed.pkg_config("--cflags"), archive, "-lstdc++")
    _expect_pair(run(program))


def archive_holds_everything(installed: Installed) -> None:
    """Nothing is undefined but what the C and C++ run-times define: linked whole, by the C compiler."""
    program = installed.folder / "whole"
    empty = installed.folder / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    run("cc", empty, "-Wl,--whole-archive", installed.prefix / "lib/libisthmus.a", "-Wl,--no-whole-archive", "-lstdc++",
        "-o", program)
    run(program)


# ---- Headers and programs.

def headers_alone_and_in_any_order(installed: Installed) -> None:
    include = installed.prefix / "include"
    headers = sorted(path.name for path in include.glob("*.h"))
    if not headers:
        raise Failure("no headers")
    source = installed.folder / "headers.c"
    warnings = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", f"-I{include}"]
    for first in headers:
        for second in headers:
            source.write_text(f"#include <{first}>\n#include <{second}>\nextern int a_unit;\n")
            for standard in ("c11", "c17"):
                run("cc", f"-std={standard}", "-Wmissing-prototypes", "-Wstrict-prototypes", *warnings, source)
            for standard in ("c++11", "c++17", "c++20"):
                run("c++", "-x", "c++", f"-std={standard}", "-Wold-style-cast", *warnings, source)


_PAIR = (ROOT / "capi/pair.c", ROOT / "capi/pair_main.c")


def _expect_pair(text: str) -> None:
    if f"isthmus {tree.version()} " not in text or "all came back" not in text:
        raise Failure(f"the program of both sides says {text!r}")


def builds_by_pkg_config(installed: Installed) -> None:
    program = installed.compile(installed.folder / "shared", *_PAIR)
    _expect_pair(installed.run(program))
    if "libisthmus.so.0" not in run("readelf", "--dynamic", program):
        raise Failure("the program does not use the shared library")


def builds_static(installed: Installed) -> None:
    program = installed.folder / "static"
    installed.run("cc", "-std=c11", "-o", program, *_PAIR, *installed.pkg_config("--cflags"),
                  installed.prefix / "lib/libisthmus.a", "-lstdc++")
    if "libisthmus" in run("readelf", "--dynamic", program):
        raise Failure("the program needs the shared library")
    _expect_pair(run(program))


_CMAKE = """\
cmake_minimum_required(VERSION 3.16)
project(pair C CXX)
find_package(Isthmus {version} REQUIRED)
foreach(kind isthmus isthmus_static)
  add_executable(pair_with_${{kind}} {sources})
  target_link_libraries(pair_with_${{kind}} PRIVATE Isthmus::${{kind}})
endforeach()
"""


def builds_by_cmake(installed: Installed) -> None:
    need("cmake", "the CMake package is not tried (package cmake)")
    source, out = installed.folder / "cmake", installed.folder / "cmake-build"
    source.mkdir()
    (source / "CMakeLists.txt").write_text(
        _CMAKE.format(version=".".join(tree.version().split(".")[:2]), sources=" ".join(map(str, _PAIR))))
    installed.run("cmake", "-S", source, "-B", out, f"-DCMAKE_PREFIX_PATH={installed.prefix}")
    installed.run("cmake", "--build", out)
    for kind in ("isthmus", "isthmus_static"):
        _expect_pair(installed.run(out / f"pair_with_{kind}"))
    wrong = subprocess.run(["cmake", "-S", source, "-B", out / "wrong", f"-DIsthmus_DIR={installed.prefix}/nothing"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if wrong == 0:
        raise Failure("CMake finds a library that is not there: the check above means nothing")


# ---- Delivery.

def destdir_is_honoured(installed: Installed) -> None:
    stage = installed.folder / "stage"
    run(ROOT / "tools/install", "/opt/isthmus", "--libdir=lib64", env={**os.environ, "DESTDIR": str(stage)})
    have = {str(path.relative_to(stage)) for path in stage.rglob("*") if not path.is_dir()}
    want = {"opt/isthmus/" + re.sub(r"^lib/", "lib64/", str(path.relative_to(installed.prefix)))
            for path in installed.files}
    if have != want:
        raise Failure(f"tools/install with DESTDIR differs by {sorted(have ^ want)}")
    text = run("pkg-config", "--variable=libdir", "isthmus", env=environment(stage / "opt/isthmus/lib64"))
    if pathlib.Path(text.strip()).resolve() != (stage / "opt/isthmus/lib64").resolve():
        raise Failure(f"isthmus.pc of a staged tree says libdir={text}")


def man_pages_name_every_flag(installed: Installed) -> None:
    for name in tree.PROGRAMS:
        program = installed.prefix / "bin" / name
        page = next((installed.prefix / "share/man").glob(f"man*/{name}.*"))
        text = page.read_text().replace("\\-", "-")
        help_text = man.help_of(program)
        wanted = set(man.flags(help_text))
        for command in man.commands(help_text):
            wanted.add(command)
            wanted.update(flag for flag in man.flags(man.help_of(program, command)) if flag != "--help")
        raw = set(re.findall(r"(?<![\w-])--[a-zA-Z][\w-]+", help_text))
        wanted |= raw - {"--help"}
        missing = sorted(word for word in wanted if word not in text)
        if missing or len(wanted) < 20:
            raise Failure(f"{page.name} does not name {missing} ({len(wanted)} looked for)")
        if shutil.which("man"):
            told = run("man", "--warnings=w", "-l", "-Tutf8", page, env={**os.environ, "MANPAGER": "cat"})
            if "warning" in told or "@" in re.sub(r"iscsi://\S*|\[user@\]", "", told):
                raise Failure(f"{page.name}: {told[:400]}")


def programs_say_the_version(installed: Installed) -> None:
    """Of isthmus.h, as isthmus.pc does."""
    told = {name: run(installed.prefix / "bin" / name, "--version") for name in tree.PROGRAMS}
    told["isthmus.pc"] = installed.run("pkg-config", "--modversion", "isthmus")
    wanted = {name: f"{name} (Isthmus) {tree.version()}\n" for name in tree.PROGRAMS} | {
        "isthmus.pc": tree.version() + "\n"}
    if told != wanted:
        raise Failure(f"{told} instead of {wanted}")


def _dpkg(root: pathlib.Path, *words: object) -> str:
    return run("dpkg", f"--root={root}", "--force-not-root", "--force-depends", *words)


def _listing(root: pathlib.Path) -> set[str]:
    """Everything but dpkg's own notes."""
    return {str(path.relative_to(root)) for path in root.rglob("*")
            if not path.relative_to(root).parts[:2] == ("var", "lib")}


def packages_install_and_remove(installed: Installed) -> None:
    need("dpkg-shlibdeps", "no packages are built (package dpkg-dev)")
    packages = package.build(installed.built, installed.folder / "packages")
    again = package.build(installed.built, installed.folder / "again")
    for one, other in zip(packages, again):
        if one.read_bytes() != other.read_bytes():
            raise Failure(f"{one.name} differs when it is built twice")
    for path in packages:
        depends = run("dpkg-deb", "--field", path, "Depends")
        if path.name.startswith(("libisthmus0", "isthmus-tools")) and "libc6 (>=" not in depends:
            raise Failure(f"{path.name} depends on {depends!r}")
    root = installed.folder / "root"
    (root / "var/lib/dpkg/info").mkdir(parents=True)
    (root / "var/lib/dpkg/updates").mkdir()
    (root / "var/lib/dpkg/status").touch()
    before = _listing(root)
    _dpkg(root, "--install", *packages)
    libdir = root / f"usr/lib/{run('dpkg-architecture', '-qDEB_HOST_MULTIARCH').strip()}"
    have = {path.name.removesuffix(".gz") for path in root.rglob("*")
            if not path.is_dir() and "doc" not in path.parts and "var" not in path.parts}
    want = {path.name for path in installed.files}
    if have != want:
        raise Failure(f"packages and tools/install differ by {sorted(have ^ want)}")
    _builds_from_root(installed, root, libdir)
    _dpkg(root, "--verify")
    _dpkg(root, "--purge", "isthmus-tools", "libisthmus-dev", "libisthmus0")
    after = {path for path in _listing(root) if not path.startswith("var")}
    if after - before:
        raise Failure(f"left behind: {sorted(after - before)}")


def _builds_from_root(installed: Installed, root: pathlib.Path, libdir: pathlib.Path) -> None:
    surroundings = environment(libdir)
    flags = run("pkg-config", "--cflags", "--libs", "isthmus", env=surroundings).split()
    if not any(str(root.resolve()) in str(pathlib.Path(flag[2:]).resolve()) for flag in flags if flag[:2] in ("-I", "-L")):
        raise Failure(f"pkg-config of the packages points elsewhere: {flags}")
    program = installed.folder / "from-packages"
    run("cc", "-std=c11", "-o", program, *_PAIR, *flags, env=surroundings)
    _expect_pair(run(program, env=surroundings))
    for name in tree.PROGRAMS:
        run(root / "usr/bin" / name, "--help", env=surroundings)


CHECKS: list[Callable[[Installed], None]] = [
    needs_only_run_times, shows_only_its_functions, abi_is_kept, archive_shows_only_its_functions,
    archive_holds_everything,
    headers_alone_and_in_any_order, builds_by_pkg_config, builds_static, builds_by_cmake, destdir_is_honoured,
    man_pages_name_every_flag, programs_say_the_version, packages_install_and_remove,
]


def run_checks(names: list[str]) -> Outcome:
    """All checks, or those whose names begin so."""
    from tools.testing import embedding_examples  # which uses this module
    outcome = Outcome()
    built = tree.build()
    with tempfile.TemporaryDirectory(prefix="isthmus-embedding-") as folder:
        installed = Installed(built, pathlib.Path(folder).resolve())
        for check in CHECKS + embedding_examples.CHECKS:
            name = check.__name__
            if names and not name.startswith(tuple(names)):
                continue
            try:
                check(installed)
            except Skip as skip:
                outcome.skipped.append(f"embedding {name}: {skip}")
            except Exception as error:  # What a check stumbles over fails it, not the others.
                told = str(error) if isinstance(error, Failure) else traceback.format_exc()
                print(f"FAILED {name}: {told}")
                outcome.failed.append(f"embedding {name}: {told.splitlines()[0]}")
            else:
                print(f"passed {name}")
                outcome.passed += 1
    return outcome


def update_abi() -> None:
    ABI.parent.mkdir(exist_ok=True)
    dump_abi(tree.bazel.build(tree.bazel.OPTIMISED, [tree.LIBRARY]), ABI)
