"""Images a second and core by ImageFeatures, and what more images cost in memory.

    python -m benchmarks study image-features
    python -m benchmarks study image-features --images 500 5000 --sides 320

A folder of JPEG files of random shapes is made, as many as asked for, and read once: memory should
not grow with their number. One thread, so that the rate is that of one core. It needs the extra
`images`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.ledger import Row
from benchmarks.machine import peak_memory, reset_peak_memory
from benchmarks.markdown import table
from benchmarks.study import Axis, Study
from lofe_sklearn.features import ImageFeatures


def run(cell: Row) -> Iterator[Row]:
    """Make the files and turn them into features."""
    with tempfile.TemporaryDirectory() as folder:
        draw_files(Path(folder), cell["n_images"], cell["side"])
        files = sorted(Path(folder).iterdir())
        extractor = ImageFeatures(device="cpu").fit(files[:2])
        extractor.transform(files[:32])  # what is done once is not counted
        reset_peak_memory()
        wall, cpu = time.perf_counter(), time.process_time()
        features = extractor.transform(files)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    yield {
        "features": features.shape[1],
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "images_a_cpu_second": round(len(files) / cpu, 1),
        "peak_mb": peak_memory(),
    }


def draw_files(folder: Path, n_images: int, side: int) -> None:
    """Write pictures of coloured blocks, each a different one."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for i in range(n_images):
        blocks = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i:06d}.jpg", quality=90)


def tables(rows: list[Row]) -> str:
    """Return the rate and the peak of memory for each number of images."""
    columns = ("n_images", "side", "features", "seconds", "images_a_cpu_second", "peak_mb")
    return table(columns, ([row[name] for name in columns] for row in rows))


STUDY = Study(
    "image-features",
    "images a second by ImageFeatures, and its memory",
    axes={"side": Axis((224,)), "n_images": Axis((100, 1000, 4000), option="images")},
    run=run,
    tables=tables,
)
