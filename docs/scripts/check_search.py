"""Check that the search of the built documentation finds what users look for.

    python docs/scripts/check_search.py [FOLDER]

asks the search page of the build, in a browser, for each of `WANTED`, and fails if no page that
answers it is among the first hits. Without a browser it says so and checks nothing.
"""

import json
import sys
from pathlib import Path
from urllib.parse import quote

from browser import Browser, address, find_chromium

BUILD = Path(__file__).parents[1] / "_build" / "html"
FIRST = 5  # hits that a reader looks at
# What is searched, and the pages of which one must be found.
WANTED = {
    "missing values": ["how_to/tables"],
    "save model": ["how_to/save_and_serve"],
    "explain": ["how_to/reasons"],
    "threshold": ["how_to/threshold"],
    "GPU": ["how_to/gpu"],
    "streaming": ["how_to/streams"],
    "probability": ["how_to/threshold", "explanations/scores_and_probabilities"],
    "pandas": ["how_to/tables"],
    "categorical": ["how_to/tables"],
    "sparse": ["getting_started", "how_to/tables", "how_to/large_data"],
    "IsolationForest": ["how_to/from_isolation_forest"],
    "pyod": ["how_to/from_pyod"],
}
HITS = """(() => {
  const summary = document.querySelector("#search-results .search-summary");
  const done = summary && /found|did not match/i.test(summary.innerText);
  return done && JSON.stringify(
    [...document.querySelectorAll("#search-results ul.search li > a")].map(e => e.href));
})()"""


def main() -> int:
    build = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD
    if find_chromium() is None:
        print("check_search: no browser, so the search was not checked.")
        return 0
    failed = False
    with Browser() as browser:
        for words, pages in WANTED.items():
            hits = search(browser, build, words)[:FIRST]
            good = any(page in hits for page in pages)
            failed |= not good
            mark = "found" if good else f"NOT FOUND, wanted {' or '.join(pages)}"
            print(f"{words}: {mark}. First hits: {', '.join(hits) or 'none'}")
    return int(failed)


def search(browser: Browser, build: Path, words: str) -> list[str]:
    """Return the pages that the search finds, best first, each once."""
    browser.open(f"{address(build / 'search.html')}?q={quote(words)}")
    found = browser.run_until(HITS)
    start = address(build) + "/"
    pages = [hit.removeprefix(start).partition("#")[0] for hit in json.loads(found or "[]")]
    return list(dict.fromkeys(page.removesuffix(".html") for page in pages))


if __name__ == "__main__":
    sys.exit(main())
