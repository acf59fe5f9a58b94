"""tools/bench: runs benchmarks and judges what they measured.

Subjects:
  digest    CRC32C against its limits, and its bars (docs/digest.md)
  offload   digests by a network card in software, on real TCP (docs/offload.md)
  loopback  our two programs over the loopback, beside bare TCP, tgt and libiscsi (docs/performance.md)
  hostile   iscsi_hostile against our programs, tgt, istgt, LIO and QEMU (docs/reliability.md)
  memory    resident bytes of iscsi_target for each idle session (docs/performance.md)
  embedding bytes of libisthmus, of a session and of a task; instructions of 4 KiB reads and writes (docs/embedding.md)

tools/bench SUBJECT --help tells more.
"""

import importlib
import sys

SUBJECTS = ("digest", "offload", "loopback", "hostile", "memory", "embedding")


def main() -> int:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in SUBJECTS:
        print(__doc__)
        return 0 if arguments[:1] == ["--help"] else 2
    return importlib.import_module(f"tools.benchmarks.{arguments[0]}").main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
