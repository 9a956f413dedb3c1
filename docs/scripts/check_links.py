"""Check that every link within the built documentation leads somewhere.

    python docs/scripts/check_links.py [FOLDER]

reads the HTML: Sphinx warns of its own references only, and not of addresses that are written by
hand or by an extension. Links out of the site are for `make linkcheck`, which needs a network.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

BUILD = Path(__file__).parents[1] / "_build" / "html"


class Page(HTMLParser):
    """The anchors of a page, and the addresses that it links to or shows."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value or "")
            elif (name == "href" and tag == "a") or (name == "src" and tag in ("img", "script")):
                self.links.add(value or "")


def broken(build: Path) -> list[str]:
    """Return a line for each link that leads nowhere."""
    paths = (path for path in sorted(build.rglob("*.html")) if "_static" not in path.parts)
    pages = {path.resolve(): Page(path) for path in paths}
    found = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            what = None
            if not target.exists():
                what = "no such file"
            elif parts.fragment and target in pages:
                known = unquote(parts.fragment) in pages[target].anchors
                what = None if known else "no such anchor"
            if what:
                found.append(f"{path.relative_to(build.resolve())}: {link}: {what}")
    return found


if __name__ == "__main__":
    lines = broken(Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD)
    print("\n".join(lines) if lines else "check_links: all links within the site lead somewhere.")
    sys.exit(bool(lines))
