"""Images a second and core by ImageFeatures, and what more images cost in memory.

    python -m benchmarks.image_features
    python -m benchmarks.image_features --images 500 5000 --side 320

A folder of JPEG files of random shapes is made, as many as asked for, and read once for each
number: memory should stay as it is. One thread, so that the rate is that of one core. One row for
each number goes to --output as CSV.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.machine import peak_memory, reset_peak_memory
from benchmarks.rows import write
from lofe_sklearn.features import ImageFeatures

RESULTS = Path(__file__).parent / "results" / "image_features.csv"


def draw(folder: Path, n_images: int, side: int) -> None:
    """Write pictures of coloured blocks, each a different one."""
    rng = np.random.default_rng(0)
    for i in range(n_images):
        blocks = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
        picture = Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i:06d}.jpg", quality=90)


def measure(extractor: ImageFeatures, files: list[Path], side: int) -> dict[str, object]:
    """Turn the files into features; return the rate and the peak of memory."""
    reset_peak_memory()
    wall, cpu = time.perf_counter(), time.process_time()
    features = extractor.transform(files)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "images": len(files),
        "side": side,
        "features": features.shape[1],
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "images_a_cpu_second": round(len(files) / cpu, 1),
        "peak_mb": peak_memory(),
    }


def main() -> None:
    """Measure each number of images that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000, 4000])
    parser.add_argument("--side", type=int, default=224, help="pixels of the files' sides")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), max(options.images), options.side)
        files = sorted(Path(folder).iterdir())
        extractor = ImageFeatures(device="cpu").fit(files[:2])
        extractor.transform(files[:32])  # what is done once is not counted
        rows = [measure(extractor, files[:n], options.side) for n in options.images]
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    write(rows, options.output)


if __name__ == "__main__":
    main()
