"""Take a picture of every built page, at 1280 and 390 pixels, light and dark.

    make docs
    python docs/scripts/screenshots.py                        # all pages
    python docs/scripts/screenshots.py index how_to/ratio     # some
    python docs/scripts/screenshots.py --html /tmp/docs       # a build elsewhere

The pictures are in docs/_build/screenshots/WIDTH-THEME, and contact sheets beside these folders.
Pages that are wider than the window are named at the end: nothing but code and tables may scroll
sideways, each by itself.
"""

import argparse
import base64
import io
import sys
from pathlib import Path

from browser import Browser, address
from PIL import Image, ImageDraw

DOCS = Path(__file__).parents[1]
WIDTHS = (1280, 390)
HIGHEST = 8000  # pixels of a page; pages of the reference are longer
PER_SHEET = 24
SKIPPED = ("_static", "_downloads", "_images", "_sources")
# What reaches out of the window on the right, and does not lie in something that scrolls.
TOO_WIDE = """(() => {
  const SCROLLING = ["auto", "scroll", "hidden"];
  const scrolls = e => e && e !== document.body && (
    SCROLLING.includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  if (document.documentElement.scrollWidth <= innerWidth) return "";
  const wide = [...document.querySelectorAll("main *")].filter(
    e => e.getBoundingClientRect().right > innerWidth + 1 && !scrolls(e.parentElement));
  const names = wide.map(e => `${e.tagName}.${e.className} ${e.innerText?.slice(0, 40)}`);
  return names.slice(0, 3).join(" | ") || "something outside of main";
})()"""


# Colours that fade in would be taken half way.
STILL = """document.head.insertAdjacentHTML(
  "beforeend", "<style>* { transition: none !important; animation: none !important }</style>")"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="names such as how_to/ratio (default: all)")
    parser.add_argument("--html", type=Path, default=DOCS / "_build" / "html")
    parser.add_argument("--output", type=Path, default=DOCS / "_build" / "screenshots")
    given = parser.parse_args()
    names = given.pages or sorted(
        str(path.relative_to(given.html).with_suffix(""))
        for path in given.html.rglob("*.html")
        if path.relative_to(given.html).parts[0] not in SKIPPED
    )
    if not names:
        sys.exit(f"No pages in {given.html}: run `make docs` first.")
    wide = []
    with Browser() as browser:
        for width in WIDTHS:
            for theme in ("light", "dark"):
                browser.look(width, dark=theme == "dark")
                folder = given.output / f"{width}-{theme}"
                paths = []
                for name in names:
                    browser.open(address(given.html / f"{name}.html"))
                    if (what := browser.run(TOO_WIDE)) and theme == "light":
                        wide.append(f"{name} at {width}: {what}")
                    paths.append(picture(browser, width, folder / f"{name}.png"))
                sheets(paths, folder)
                print(f"{len(paths)} pictures in {folder}")
    print("\n".join(["Wider than the window:", *wide]) if wide else "No page is too wide.")


def picture(browser: Browser, width: int, path: Path) -> Path:
    """Save the whole page."""
    browser.run(STILL)
    height = min(browser.run("document.documentElement.scrollHeight"), HIGHEST)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    taken = browser.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(taken["data"]))
    return path


def sheets(paths: list[Path], folder: Path) -> None:
    """Put the heads of the pages side by side."""
    for start in range(0, len(paths), PER_SHEET):
        sheet = Image.new("RGB", (6 * 330, 4 * 440), "#808080")
        draw = ImageDraw.Draw(sheet)
        for i, path in enumerate(paths[start : start + PER_SHEET]):
            with Image.open(io.BytesIO(path.read_bytes())) as whole:
                head = whole.convert("RGB").crop(
                    (0, 0, whole.width, min(whole.height, int(whole.width * 1.25)))
                )
            head.thumbnail((320, 400))
            at = (330 * (i % 6) + 5, 440 * (i // 6) + 5)
            sheet.paste(head, at)
            draw.text((at[0], at[1] + 410), str(path.relative_to(folder))[:50], fill="white")
        sheet.save(folder.parent / f"{folder.name}-{start // PER_SHEET + 1}.png")


if __name__ == "__main__":
    main()
