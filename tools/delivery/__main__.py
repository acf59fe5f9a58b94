"""tools/install and tools/package: what a machine without this checkout gets.

  tools/install PREFIX       headers, libisthmus.so.0, libisthmus.a, isthmus.pc, a CMake package, the programs iscsi_target
                             and iscsi with their man pages, below PREFIX; below $DESTDIR/PREFIX if DESTDIR is set
  tools/package [FOLDER]     the same as Debian packages: libisthmus0, libisthmus-dev, isthmus-tools; FOLDER is `dist`
"""

import argparse
import os
import pathlib
import sys

from tools.delivery import package, tree


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("install", "package"), help=argparse.SUPPRESS)
    parser.add_argument("where", nargs="?", help="PREFIX of install, FOLDER of package")
    parser.add_argument("--from", dest="origin", default=".", help=argparse.SUPPRESS)
    parser.add_argument("--libdir", default="lib", help="install: folder of libraries below PREFIX (lib)")
    arguments = parser.parse_intermixed_args()
    if arguments.what == "package":
        folder = pathlib.Path(arguments.origin, arguments.where or "dist")
        for path in package.build(tree.build(), folder):
            print(path)
        return 0
    if arguments.where is None:
        parser.error("install wants a PREFIX, such as /usr/local")
    prefix = pathlib.Path(arguments.origin, arguments.where).resolve()
    root = pathlib.Path(os.environ.get("DESTDIR") or "/")
    for path in tree.lay(tree.build(), root, prefix, arguments.libdir):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
