"""Man pages: docs/man/NAME.SECTION.in, with what the program's --help says of its flags in place of the line @FLAGS@, and of
its commands in place of @COMMANDS@. So no flag can be missing, and tools/test embedding checks that none is.
"""

import pathlib
import re
import subprocess

from tools.testing import bazel

_FOLDER = bazel.ROOT / "docs" / "man"


def help_of(program: pathlib.Path, *command: str) -> str:
    return subprocess.run([program, *command, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """Of a --help: heading -> (name with its value, what it says), in order."""
    found: dict[str, list[tuple[str, str]]] = {}
    heading = ""
    for line in text.splitlines():
        if re.fullmatch(r"\S.*:", line):
            heading = line[:-1]
            found[heading] = []
        elif heading and re.match(r" {2}\S", line):
            name, _, says = line.strip().partition("  ")
            found[heading].append((name.strip(), says.strip()))
        elif heading and line.startswith(" " * 20) and found[heading]:
            name, says = found[heading][-1]
            found[heading][-1] = name, f"{says} {line.strip()}".strip()
    return found


def flags(text: str) -> list[str]:
    """Every --flag that a --help defines."""
    return [flag for entries in sections(text).values() for name, _ in entries
            for flag in re.findall(r"(?:^|,)(--[\w-]+)", name.split(" ")[0])]


def commands(text: str) -> list[str]:
    return [name.split(" ")[0] for name, _ in sections(text).get("Subcommands", [])]


def _escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def _entries(entries: list[tuple[str, str]]) -> str:
    return "".join(f".TP\n.B {_escape(name)}\n{_escape(says) or chr(92) + '&'}\n" for name, says in entries)


def _flags(program: pathlib.Path) -> str:
    out = ""
    for heading, entries in sections(help_of(program)).items():
        if heading not in ("Subcommands", "Positionals") and entries:
            out += f".SS {_escape(heading)}\n{_entries(entries)}"
    return out


def _commands(program: pathlib.Path) -> str:
    out = ""
    for command in commands(help_of(program)):
        text = help_of(program, command)
        lines = text.splitlines()
        usage = next(line for line in lines if line.startswith("Usage:")).removeprefix("Usage:").strip()
        out += f".SS {_escape(usage)}\n{_escape(lines[0])}\n"
        for entries in sections(text).values():
            out += _entries([entry for entry in entries if not entry[0].startswith("-h,") and any(entry[1:])])
    return out


def page(name: str, program: pathlib.Path, version: str) -> tuple[str, str]:
    """The page's text, and its section."""
    source = next(_FOLDER.glob(f"{name}.*.in"))
    text = source.read_text().replace("@VERSION@", version)
    if "@FLAGS@\n" in text:
        text = text.replace("@FLAGS@\n", _flags(program))
    if "@COMMANDS@\n" in text:
        text = text.replace("@COMMANDS@\n", _commands(program))
    return text, source.suffixes[0][1:]
