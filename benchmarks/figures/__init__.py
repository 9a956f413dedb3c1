"""Pictures of the benchmark page that need the rows of a suite, or of several files.

Those of one study alone are drawn by the study: ``python -m benchmarks study NAME --figure FILE``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import backbones, growth, images, losses, paper_tabular, peers, reasons
from benchmarks.ledger import RESULTS, Row, read
from benchmarks.study import results


@dataclass(frozen=True)
class Drawing:
    """A picture of the rows in result files.

    Attributes
    ----------
    purpose : str
        What it shows, in one line.
    files : tuple of str
        Names of the suites and studies whose rows it draws.
    draw : callable
        Draws the rows, a list for each file, into a picture file.
    """

    purpose: str
    files: tuple[str, ...]
    draw: Callable[..., None]

    def from_file(self, path: Path) -> None:
        """Read the rows on file and draw them."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.draw(*(_rows(name) for name in self.files), path)


def _rows(name: str) -> list[Row]:
    lines = read([RESULTS / f"{name}.jsonl"])
    return results(lines) if "study" in lines[0] else [row for row in lines if not row["error"]]


DRAWINGS = {
    "peers": Drawing(
        "LOE() among detectors of other libraries: ADBench, all rows fitted and scored",
        ("adbench",),
        peers.draw,
    ),
    "backbones": Drawing(
        "each backbone without labels and with them: ADBench, all rows fitted and scored",
        ("adbench",),
        backbones.draw,
    ),
    "images": Drawing(
        "training with and without labels on images and video",
        ("paper-image", "paper-mvtec", "paper-video", "video-labels"),
        images.draw,
    ),
    "growth": Drawing(
        "time of fit and score by the number of rows",
        ("growth",),
        growth.draw,
    ),
    "losses": Drawing(
        "the sets on which LOE() is far behind the best of nine detectors",
        ("nothing-chosen",),
        losses.draw,
    ),
    "reasons": Drawing(
        "planted features that ways to explain a row name, and their time",
        ("reasons",),
        reasons.draw,
    ),
    "paper-tabular": Drawing(
        "the LOE paper's tabular protocol: mean F1 beside the paper's",
        ("paper-tabular",),
        paper_tabular.draw,
    ),
}
