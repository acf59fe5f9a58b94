"""fuzz/oss_fuzz/build.sh, run as OSS-Fuzz would: each fuzzer is there with what belongs to it, and runs for a second."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tools.testing.bazel import ROOT
from tools.testing.outcome import Outcome

_NEEDED = ("clang++-14", "zip", "bazel")
_SIBLINGS = ("_seed_corpus.zip", ".options")
# Bazel's only, with the reason in build.sh.
_BAZEL_ONLY = {"config_file_fuzzer", "url_fuzzer", "secret_file_fuzzer", "failalloc_fuzzer"}


def run() -> Outcome:
    outcome = Outcome()
    _check_options(outcome)
    missing = [program for program in _NEEDED if not shutil.which(program)]
    if missing or not pathlib.Path("/usr/src/googletest").is_dir():
        outcome.skipped.append(f"oss_fuzz: needs {', '.join(missing) or 'the package googletest'}")
        return outcome
    with tempfile.TemporaryDirectory(prefix="isthmus-oss-fuzz-") as folder:
        out = pathlib.Path(folder) / "out"
        out.mkdir()
        # Not optimised: compiling is what this test takes its time for.
        flags = "-O0 -g0 -fsanitize=fuzzer-no-link"
        environment = os.environ | {"CC": "clang-14", "CXX": "clang++-14", "CFLAGS": flags, "CXXFLAGS": flags,
                                    "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer", "OUT": str(out),
                                    "WORK": str(pathlib.Path(folder) / "work")}
        built = subprocess.run(["bash", "fuzz/oss_fuzz/build.sh"], cwd=ROOT, env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if built.returncode != 0:
            print(built.stdout[-4000:])
            outcome.failed.append("oss_fuzz: build.sh")
            return outcome
        names = sorted(path.name for path in out.iterdir() if path.is_file() and os.access(path, os.X_OK))
        print(f"oss_fuzz: built {', '.join(names)}")
        expected = {path.stem for path in (ROOT / "fuzz" / "options").glob("*.options")} - _BAZEL_ONLY
        lost, unknown = sorted(expected - set(names)), sorted(set(names) - expected)
        if lost or unknown:
            print(built.stdout[-4000:])
            outcome.failed.append(f"oss_fuzz: not built: {', '.join(lost)}; without options here: {', '.join(unknown)}")
        for name in names:
            _check_fuzzer(out, name, outcome)
    return outcome


def _check_fuzzer(out: pathlib.Path, name: str, outcome: Outcome) -> None:
    lacks = [sibling for sibling in _SIBLINGS if not (out / (name + sibling)).is_file()]
    if lacks or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        outcome.failed.append(f"oss_fuzz: {name} lacks {', '.join(lacks)}")
        return
    corpus = out / f"{name}.corpus"
    shutil.unpack_archive(out / f"{name}_seed_corpus.zip", corpus)
    ran = subprocess.run([out / name, "-max_total_time=1", f"-artifact_prefix={out}/", corpus], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    if ran.returncode != 0 or "Done " not in ran.stdout:
        print(ran.stdout[-2000:])
        outcome.failed.append(f"oss_fuzz: {name} ended with status {ran.returncode}")
    else:
        outcome.passed += 1


def _check_options(outcome: Outcome) -> None:
    """Every target of Bazel has options that say the same, and the other way round."""
    queried = subprocess.run(["bazel", "query", "--output=build", 'filter("_fuzzer$", kind(cc_binary, //fuzz/...))'],
                             cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    targets = {}
    for rule in queried.stdout.split("\n\n"):
        name = re.search(r'name = "(\w+)"', rule)
        if name:
            length = re.search(r"-max_len=(\d+)", rule)
            dictionary = re.search(r"-dict=\$\(location ([\w.]+)\)", rule)
            targets[name[1]] = (length[1] if length else None, dictionary[1] if dictionary else None)
    targets = {name: said for name, said in targets.items() if not name.startswith("planted_")}
    files = {path.stem: path.read_text() for path in (ROOT / "fuzz" / "options").glob("*.options")}
    for name in sorted(targets.keys() | files.keys()):
        text = files.get(name, "")
        length = re.search(r"^max_len = (\d+)$", text, re.M)
        dictionary = re.search(r"^dict = ([\w.]+)$", text, re.M)
        said = (length[1] if length else None, dictionary[1] if dictionary else None)
        if targets.get(name) == said:
            outcome.passed += 1
        else:
            outcome.failed.append(f"fuzz/options/{name}.options says {said}, Bazel {targets.get(name)}")
    if len(targets) < 12:
        outcome.failed.append(f"only {len(targets)} fuzz targets")
