"""What a command prints, put into a page of docs/ between two marks.

    page.put(pathlib.Path("docs/digest.md"), "tools/bench digest:", text)    # <!-- tools/bench digest: begin --> … end -->
"""

import pathlib
import re


def put(path: pathlib.Path, mark: str, text: str) -> None:
    """Replaces what stands between the lines `<!-- MARK begin -->` and `<!-- MARK end -->`; ends the program without them."""
    begin, end = f"<!-- {mark} begin -->", f"<!-- {mark} end -->"
    block = f"{begin}\n{text.removesuffix(chr(10))}\n{end}"
    page, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: block, path.read_text(), flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{path}: no place for it: the marks {begin} and {end} stand there {count} times, not once")
    path.write_text(page)
