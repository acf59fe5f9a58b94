"""The CRC32C kernels on processors that are not here: lesser x86 models and ARMv8, under QEMU's user emulation.

Needs g++-aarch64-linux-gnu and qemu-user-static (group "cross" of tools/packages.txt); without them, what they were
for is counted as skipped. Emulation knows neither AVX-512 nor VPCLMULQDQ: those kernels are tested where the machine
has them, and are counted as skipped where not.
"""

import concurrent.futures
import glob
import os
import shutil
import subprocess
import tempfile

from tools.testing.outcome import Outcome

_X86 = ["portable", "sse42", "pclmul", "vpclmul", "avx512fold", "avx512"]
_ARM = ["portable", "armcrc", "armpmull", "armeor3"]

# Architecture, processor, how many of its kernels it must offer.
_PROCESSORS = [
    ("x86_64", "qemu64", _X86[:1]),
    ("x86_64", "Nehalem", _X86[:2]),
    ("x86_64", "Westmere", _X86[:3]),
    ("x86_64", "Haswell", _X86[:3]),
    ("aarch64", "cortex-a72", _ARM[:3]),
    ("aarch64", "max", _ARM[:4]),
]
_COMPILERS = {"x86_64": "g++", "aarch64": "aarch64-linux-gnu-g++"}


def _sources() -> list[str]:
    names = glob.glob("digest/kernel_*.cc") + ["digest/select.cc"]
    return sorted(name for name in names if not name.endswith("_test.cc"))


def _build(architecture: str, folder: str) -> str:
    """The static program that checks every kernel that its processor offers."""
    program = os.path.join(folder, architecture)
    subprocess.run([_COMPILERS[architecture], "-std=c++20", "-O3", "-Wall", "-Wextra", "-Werror", "-static", "-I.",
                    "-o", program, *_sources()], check=True)
    return program


def _check(program: str, architecture: str, processor: str, expected: list[str]) -> Outcome:
    outcome = Outcome()
    done = subprocess.run([f"qemu-{architecture}-static", "-cpu", processor, program, *expected],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1200, check=False)
    where = f"digest on {architecture} {processor}"
    for line in done.stdout.splitlines():
        if line.startswith("ok  "):
            outcome.passed += 1
        elif line.startswith("FAIL"):
            outcome.failed.append(f"{where}: {line[5:]}")
    if done.returncode not in (0, 1) or not outcome.passed:
        outcome.failed.append(f"{where}: ended with {done.returncode}: {done.stdout[-300:]}")
    print(f"{where}: {outcome}", flush=True)
    return outcome


def _unmet(native_kernels: str) -> list[str]:
    return [f"digest kernel {name}: no processor here has it, and none that is emulated"
            for name in _X86[3:] if name not in native_kernels.split()]


def run() -> Outcome:
    total = Outcome()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = []
        programs = {}
        for architecture, processor, expected in _PROCESSORS:
            missing = [tool for tool in (_COMPILERS[architecture], f"qemu-{architecture}-static")
                       if not shutil.which(tool)]
            if missing:
                total.skipped.append(f"digest on {architecture} {processor}: no {', no '.join(missing)}")
                continue
            if architecture not in programs:
                programs[architecture] = _build(architecture, folder)
            jobs.append(pool.submit(_check, programs[architecture], architecture, processor, expected))
        for job in jobs:
            total.add(job.result())
        if os.uname().machine == "x86_64" and "x86_64" in programs:
            first = subprocess.run([programs["x86_64"], "--offered"], stdout=subprocess.PIPE, text=True, check=True)
            total.skipped += _unmet(first.stdout)
    return total
