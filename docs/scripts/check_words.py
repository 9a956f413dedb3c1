"""Find phrases that readers of this project stumbled over: ``python docs/scripts/check_words.py``.

It prints file, line, phrase and what to write instead, and ends with 1 if there are any.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ["docs", "lofe_sklearn", "tests", "benchmarks"]
SUFFIXES = {".py", ".md", ".rst"}
# What other programs write, this list, and its test.
LEFT_OUT = {"results", "_build", "auto_examples", "generated", "check_words.py", "test_words.py"}

LIBRARIES = "scikit-learn|PyOD|DeepOD|skrub|pandas|polars|NumPy|scipy|torch|joblib|Dask|Ray|Spark"

# Phrase (a regular expression, in which a space may be a line break), and what to write instead.
INSTEAD = {
    r"(?:have|has|had|having) (?:a|no) say": "count, decide, affect",
    r"(?:files|sets) lie": "are stored",
    r"what (?:it|LOE) (?:took|takes) for": "rows labelled as",
    r"(?:is|are|was|were) taken for": "are treated as, count as",
    r"of it:": "name the thing",
    r"that (?:is|are) not known to be": "of unknown label",
    r"without a word": "silently",
    r"worth the same": "equal, unchanged",
    r"where there (?:is|are) (?:one|some|any|none)": "if there is one",
    r"anybody's": "of any library, of other users",
    r"(?:is|are) none of (?:this|the training)": "is not one of, is not among",
    r"(?:to|can|cannot) be had": "is available, can be computed",
    r"not at hand": "not available",
    r"speaks? for": "represents",
    r"be rid of": "silence, avoid",
    r"that one's": "name whose it is",
    r"what became of": "the result of",
    r"says? nothing of": "tells nothing about",
    r"otherwise than": "differently from",
    rf"of (?:{LIBRARIES})(?:'s|')(?= ?[.,;:)]| (?:or|and|is|are|that|with|as|in|of|to|which) )": (
        "a scikit-learn detector, a detector of scikit-learn"
    ),
}
# Between two words: spaces, and what continues a comment or a string on the next line.
GAP = r"""(?:[ \t]+|[ \t]*\n[ \t]*(?:\#[ \t]+)?|[ ]?"[ \t]*\n[ \t]*f?"[ ]?)"""
PHRASES = [
    (re.compile(rf"\b{phrase.replace(' ', GAP)}", re.IGNORECASE), instead)
    for phrase, instead in INSTEAD.items()
]
ANY = re.compile("|".join(phrase.pattern for phrase, _ in PHRASES), re.IGNORECASE)


def files() -> list[Path]:
    """Return the files to check."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return sorted(ROOT.glob("*.md")) + sorted(
        path
        for path in found
        if path.suffix in SUFFIXES and LEFT_OUT.isdisjoint(path.relative_to(ROOT).parts)
    )


def findings(text: str) -> list[tuple[int, str, str]]:
    """Return the line, the phrase and what to write instead, for each phrase in a text."""
    if not ANY.search(text):
        return []
    return sorted(
        (text.count("\n", 0, match.start()) + 1, " ".join(match.group().split()), instead)
        for phrase, instead in PHRASES
        for match in phrase.finditer(text)
    )


def main() -> int:
    """Print all findings, and return the exit code."""
    found = [
        f'{path.relative_to(ROOT)}:{line}: "{phrase}": write {instead}'
        for path in files()
        for line, phrase, instead in findings(path.read_text(encoding="utf-8"))
    ]
    print("\n".join(found or ["No phrase that readers stumble over."]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
