"""Checks that every link from one page of this repository to another, or to a heading, leads somewhere."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Folders that hold no pages of ours.
FOREIGN = {"build", "dist", "node_modules"}

FENCED_CODE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:|^//", re.IGNORECASE)


def pages() -> list[Path]:
    """List the Markdown files of the repository, leaving out hidden folders and what tools made."""
    found: list[Path] = []
    for path in sorted(ROOT.rglob("*.md")):
        folders = path.relative_to(ROOT).parts[:-1]
        if not any(folder.startswith(".") or folder in FOREIGN for folder in folders):
            found.append(path)
    return found


def anchors(page: Path) -> set[str]:
    """Name the headings of a page the way repository browsers do: lower case, no punctuation, spaces become hyphens."""
    text = FENCED_CODE.sub("", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def broken_links(page: Path) -> Iterator[str]:
    """Yield the targets on a page that do not exist."""
    text = INLINE_CODE.sub("", FENCED_CODE.sub("", page.read_text(encoding="utf-8")))
    for target in LINK.findall(text):
        if ELSEWHERE.match(target):
            continue
        file, _, anchor = target.partition("#")
        destination = (page.parent / file).resolve() if file else page
        if not destination.exists() or (anchor and destination.suffix == ".md" and anchor not in anchors(destination)):
            yield target


def main() -> int:
    """Check all pages and tell by the exit code whether every link leads somewhere."""
    broken = [
        f"{page.relative_to(ROOT)}: no such target: {target}" for page in pages() for target in broken_links(page)
    ]
    print("\n".join(broken) or "all links lead somewhere")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
