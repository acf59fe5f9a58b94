"""tools/test: every part of the tests, or some, summed in the last line.

Parts:
  unit      everything, optimised, with g++; all tests
  sanitize  everything with clang, layering_check and parse_headers, under ASan and UBSan; all tests
  tsan      the tests with the tag `tsan` (driver, daemon, client), under TSan
  conformance  docs/conformance.md and the error table against the code: nothing missing, nothing that is not there
  embedding libisthmus as others get it: installed, packaged, used by plain cc, pkg-config and CMake; names of checks may
            follow, or --update_abi
  fuzzers   the fuzzers as OSS-Fuzz builds them, and their options
  cross     the CRC32C kernels of lesser x86 processors and of ARM, emulated
  peers     our programs against real initiators and targets (tools/peers); names of cases may follow

Examples: tools/test · tools/test unit tsan · tools/test peers · tools/test peers tgt.digests · tools/test peers --list
"""

import argparse
import signal
import sys
import time

from tools.testing import bazel
from tools.testing.outcome import Outcome


def _unit(_: argparse.Namespace) -> Outcome:
    return bazel.test(bazel.OPTIMISED, ["//..."])


def _sanitize(_: argparse.Namespace) -> Outcome:
    return bazel.test(["--config=asan", "--config=ubsan", "--platform_suffix=-asan-ubsan"], ["//..."])


def _tsan(_: argparse.Namespace) -> Outcome:
    return bazel.test(["--config=tsan", "--platform_suffix=-tsan", "--build_tests_only", "--test_tag_filters=tsan"],
                      ["//..."])


def _cross(_: argparse.Namespace) -> Outcome:
    from tools.testing import cross
    return cross.run()


def _peers(arguments: argparse.Namespace) -> Outcome:
    from tools.peers import run, subject
    subject.use_stand_in = arguments.stand_in
    return run.run(arguments.cases)


def _fuzzers(_: argparse.Namespace) -> Outcome:
    from tools.testing import fuzzers
    return fuzzers.run()


def _conformance(_: argparse.Namespace) -> Outcome:
    from tools.testing import conformance
    return conformance.run()


def _embedding(arguments: argparse.Namespace) -> Outcome:
    from tools.testing import embedding
    return embedding.run_checks(arguments.checks)


PARTS = {"conformance": _conformance, "unit": _unit, "sanitize": _sanitize, "tsan": _tsan, "embedding": _embedding,
         "fuzzers": _fuzzers, "cross": _cross, "peers": _peers}


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="PART|CASE",
                        help="parts; after `peers` cases, after `embedding` checks, or their beginnings")
    parser.add_argument("--list", action="store_true", help="only name the cases of the peers")
    parser.add_argument("--stand_in", action="store_true", help="tgt in our target's place: checks the harness itself")
    parser.add_argument("--update_abi", action="store_true", help="only write the ABI dump of capi/abi anew")
    arguments = parser.parse_args()
    arguments.cases = []
    arguments.checks = []
    parts = []
    for word in arguments.what:
        if word in PARTS:
            parts.append(word)
        elif parts and parts[-1] == "peers":
            arguments.cases.append(word)
        elif parts and parts[-1] == "embedding":
            arguments.checks.append(word)
        else:
            parser.error(f"no part {word!r}; there are {', '.join(PARTS)}")
    if arguments.update_abi:
        from tools.testing import embedding
        embedding.update_abi()
        return 0
    if arguments.list:
        from tools.peers import run
        print("\n".join(one.name for one in run.CASES))
        return 0
    if arguments.stand_in:
        parts = ["peers"]

    # A stop runs the clean-up of what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    total = Outcome()
    table = []
    for part in parts or PARTS:
        print(f"=== {part}")
        start = time.monotonic()
        outcome = PARTS[part](arguments)
        seconds = time.monotonic() - start
        total.add(outcome)
        table.append(f"{part:11} {seconds:6.0f} s  {outcome.passed:6} {len(outcome.failed):6} {len(outcome.skipped):7}")
    for name in total.skipped:
        print("skipped:", name)
    print(f"\n{'part':11} {'time':>8}  passed failed skipped")
    print("\n".join(table))
    for name in total.failed:
        print("FAILED:", name)
    print(total)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
