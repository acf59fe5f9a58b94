"""Holds docs/conformance.md and the error table against the code: what the page names exists, and nothing is missing.

Checked:
  * each section of chapters 4 to 13 of RFC 7143 (docs/rfc7143_sections.txt) stands on the page exactly once: in the
    clause matrix with code and tests, or among those left out, with the reason;
  * each file and each test that the page names exists;
  * no code of target/ or initiator/ names a digest device, or sees more of them than the interface that drivers share;
  * each row of protocol/error_table.inc has a test in which its name stands, or a line on the page that says why it
    cannot be reached, and never both.

Nothing but the checkout is read. Run it alone: tools/test conformance
"""

import pathlib
import re

from tools.testing.outcome import Outcome

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
SECTIONS = ROOT / "docs" / "rfc7143_sections.txt"
ROWS = ROOT / "protocol" / "error_table.inc"
MODELS = ROOT / "transport" / "offload" / "models.inc"

_TEST = re.compile(r"^(?:TYPED_)?TEST(?:_[FP])?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)
_CODE = re.compile(r"`([^`]+)`")


def _sources(pattern: str) -> list[pathlib.Path]:
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(("bazel-", "."))]
    return sorted(path for folder in folders for path in folder.rglob(pattern))


class Tests:
    """The tests of the tree: GoogleTest's by "file Suite.Name", cases of tools/peers by their name."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}  # "Suite.Name" in a file -> its source, with what it uses of the file
        self.names: dict[str, set[str]] = {}  # file -> {"Suite.Name"}
        for path in _sources("*_test.cc"):
            self._read(path)
        # These two show the tables' own numbers, not what a peer brings about.
        for file in ("protocol/error_test.cc", "protocol/wire/codes_test.cc"):
            for test in self.names[file]:
                del self.text[f"{file} {test}"]
        self.cases = set()
        for path in sorted((ROOT / "tools" / "peers").glob("cases_*.py")):
            self.cases.update(re.findall(r"[\"']((?:target|initiator|referee|[a-z]+)\.[a-z0-9_.]+)[\"']", path.read_text()))

    def _read(self, path: pathlib.Path) -> None:
        name = str(path.relative_to(ROOT))
        source = path.read_text()
        tests = list(_TEST.finditer(source))
        self.names[name] = {f"{test[1]}.{test[2]}" for test in tests}
        starts = [test.start() for test in tests] + [len(source)]
        shared = self._shared(source, starts)
        for test, start, end in zip(tests, starts, starts[1:]):
            body = source[start:end]
            used, queue = set(), [body]
            while queue:
                words = set(re.findall(r"\w+", queue.pop()))
                for key in words & set(shared) - used:
                    used.add(key)
                    queue.append(shared[key])
            self.text[f"{name} {test[1]}.{test[2]}"] = body + "".join(shared[key] for key in used)

    @staticmethod
    def _shared(source: str, starts: list[int]) -> dict[str, str]:
        """Definitions at the top level of a test's file: tables of cases, helpers. By their name."""
        definition = re.compile(r"^(?:template[^\n]*\n)?[\w:<>,&*\[\] ]*?\b(\w+)(?:\[\]| = |\(|\{| \{)[^\n;]*?$", re.M)
        shared = {}
        for block in re.split(r"\n(?=\S)", source[:starts[0]]):
            found = definition.match(block)
            if found:
                shared[found[1]] = shared.get(found[1], "") + block
        return shared

    def has(self, file: str, test: str) -> bool:
        return test in self.names.get(file, ())

    def naming(self, row: str) -> list[str]:
        """The tests in which an error row is named: kRow, or Row as a string, in their own name, or first in a comment."""
        word = re.compile(rf"\bk{row}\b|\"{row}\b|// {row}\b|^TEST\w*\(\w+, \w*{row}\w*\)", re.M)
        return [test for test, text in self.text.items() if word.search(text)]


def rows() -> list[str]:
    return re.findall(r"^ISTHMUS_ERROR\(\d+, (\w+),", ROWS.read_text(), re.M)


def _table(page: str, heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its head left out."""
    part = page.split(f"\n## {heading}\n", 1)
    if len(part) != 2:
        return []
    lines = re.split(r"\n## ", part[1])[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return cells[2:]


def _check_rows(page: str, tests: Tests, outcome: Outcome) -> None:
    excused = {}
    for cells in _table(page, "Rows of the error table that are not reached"):
        for row in _CODE.findall(cells[0]):
            excused[row] = cells[1] if len(cells) > 1 else ""
    known = rows()
    for row in excused:
        if row not in known:
            outcome.failed.append(f"conformance: {row} is excused, and no row of the error table")
    for row in known:
        covered = tests.naming(row)
        if covered and row in excused:
            outcome.failed.append(f"conformance: {row} is excused, and tested by {covered[0]}")
        elif not covered and not excused.get(row):
            outcome.failed.append(f"conformance: no test names the error {row}")
        else:
            outcome.passed += 1


def _check_names(text: str, where: str, tests: Tests, outcome: Outcome) -> None:
    """`path`, `path Suite.Name` and `case: name` must exist."""
    for code in _CODE.findall(text):
        path, _, test = code.partition(" ")
        if path == "case:":
            good = test in tests.cases
        elif "/" in path and re.fullmatch(r"[\w./]+", path) and re.fullmatch(r"(\w+\.\w+)?", test):
            good = (ROOT / path).exists() and (not test or tests.has(path, test))
        else:
            continue
        if good:
            outcome.passed += 1
        else:
            outcome.failed.append(f"conformance: {where}: there is no `{code}`")


def _check_clauses(page: str, tests: Tests, outcome: Outcome) -> None:
    sections = {line.split()[0]: line for line in SECTIONS.read_text().splitlines() if line.strip()}
    seen = set()

    def see(cell: str) -> None:
        for section in re.split(r",\s*", cell):
            if section not in sections:
                outcome.failed.append(f"conformance: no section {section} in {SECTIONS.name}")
            elif section in seen:
                outcome.failed.append(f"conformance: section {section} stands twice")
            seen.add(section)

    for cells in _table(page, "Clauses"):
        see(cells[0])
        if len(cells) != 5 or cells[1] not in ("both", "initiator", "target"):
            outcome.failed.append(f"conformance: section {cells[0]} wants: section, side, demand, code, tests")
            continue
        codes, shown = (_CODE.findall(cell) for cell in cells[3:])
        if not any("/" in code for code in codes):
            outcome.failed.append(f"conformance: section {cells[0]} names no code")
        if not any(code.startswith("case:") or " " in code for code in shown):
            outcome.failed.append(f"conformance: section {cells[0]} names no test")
    for cells in _table(page, "Sections left out"):
        see(cells[0])
        if len(cells) != 2 or not cells[1]:
            outcome.failed.append(f"conformance: nothing says why {cells[0]} is left out")
    for section in sections:
        if section in seen:
            outcome.passed += 1
        else:
            outcome.failed.append(f"conformance: nothing says what becomes of section {sections[section]}")


def _check_devices(outcome: Outcome) -> None:
    """A device is named by its user alone: the code of both sides knows none (docs/offload.md)."""
    models = re.findall(r'ISTHMUS_OFFLOAD_MODEL\("([^"]+)", (\w+)', MODELS.read_text())
    words = [rf'"{name}' for name, _ in models if name != "software"]  # which is: no device
    words += [rf"\b{make}\b" for _, make in models] + [r"transport/offload/", r"software_nic", r"SoftwareNic"]
    forbidden = re.compile("|".join(words))
    for side in ("target", "initiator"):
        for path in sorted(file for file in (ROOT / side).rglob("*") if file.suffix in (".cc", ".h", ".bazel")):
            found = forbidden.search(path.read_text())
            if found:
                outcome.failed.append(f"conformance: {path.relative_to(ROOT)} names a device: {found[0]}")
            else:
                outcome.passed += 1
    if not models:
        outcome.failed.append(f"conformance: no device models in {MODELS.name}")


def run() -> Outcome:
    outcome = Outcome()
    page = PAGE.read_text()
    tests = Tests()
    _check_rows(page, tests, outcome)
    _check_clauses(page, tests, outcome)
    _check_devices(outcome)
    for number, line in enumerate(page.splitlines(), 1):
        _check_names(line, f"line {number}", tests, outcome)
    for failure in outcome.failed:
        print(failure)
    return outcome
