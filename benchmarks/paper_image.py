"""The LOE paper's image protocol: MHRot on Fashion-MNIST, our figures beside the paper's.

    python -m benchmarks.paper_image --device cuda --params dropout=0.3 max_epochs=3 lr=1e-4
        anomaly_weight=0.5
    python -m benchmarks.paper_image --classes 0 1 5 --rows 1000 --test-rows 600 --pool 2
        --params depth=10 width=1 n_views=4 max_epochs=20 lr=3e-3

One class is normal, the others are anomalies. Training: the training images of the class and 10 %
of others among them, assumed ratio = true ratio. Test: the set's test images. Measure: ROC AUC. The
paper's figures are means over all ten classes, with all images and a Wide-ResNet 16-4; the first
command is its setting, the second one for a CPU. One row for each fit goes to --output as CSV.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from sklearn.metrics import roc_auc_score

from benchmarks.machine import describe
from benchmarks.rows import as_text, parameters, write
from lofe_sklearn import LOE, MHRot

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
RATIO = 0.1
# ROC AUC in percent of MHRot on Fashion-MNIST at 10 % contamination, Qiu et al. 2022.
PAPER = {"clean": 93.7, "blind": 88.8, "refine": 89.6, "hard": 91.4, "soft": 91.2}
RESULTS = Path(__file__).parent / "results" / "paper_image.csv"


def load(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) of uint8 and classes (n,) of one part, "train" or "t10k"."""
    arrays = []
    for kind in ("images-idx3", "labels-idx1"):
        path = folder / f"{part}-{kind}-ubyte.gz"
        if not path.is_file():
            raise SystemExit(
                f"{path} not found. On Debian and Ubuntu: apt-get install dataset-fashion-mnist. "
                "Elsewhere: put the four .gz files of Fashion-MNIST into a folder and name it with "
                "--data-home."
            )
        raw = np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8)
        n_axes = raw[3]
        shape = raw[4 : 4 + 4 * n_axes].view(">i4")
        arrays.append(raw[4 + 4 * n_axes :].reshape(shape))
    return arrays[0], arrays[1]


def pooled(images: np.ndarray, size: int) -> np.ndarray:
    """Average over squares of `size` pixels."""
    n, side, _ = images.shape
    blocks = images.reshape(n, side // size, size, side // size, size)
    return images if size == 1 else blocks.mean(axis=(2, 4), dtype=np.float32)


def draw(
    images: np.ndarray,
    classes: np.ndarray,
    normal: int,
    n_normal: int | None,
    n_other: int | None,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Images of the class and of others, mixed, and 1 for the others; None takes them all."""
    is_other = classes != normal
    chosen = [
        rng.permutation(np.flatnonzero(mask))[:count]
        for mask, count in ((~is_other, n_normal), (is_other, n_other))
    ]
    index = rng.permutation(np.concatenate(chosen))
    return images[index], is_other[index].astype(int)


def run(options: argparse.Namespace, data: tuple, normal: int, method: str, seed: int) -> dict:
    """Do one fit, and return its row."""
    (X, classes), (X_new, new_classes) = data
    rng = np.random.default_rng([seed, normal])  # the same images for every method
    n_normal = options.rows or int((classes == normal).sum())
    n_other = 0 if method == "clean" else round(n_normal * RATIO / (1 - RATIO))
    X_train, _ = draw(X, classes, normal, n_normal, n_other, rng)
    half = None if options.test_rows is None else options.test_rows // 2
    test = np.random.default_rng([seed, normal, 1])
    X_test, y_test = draw(X_new, new_classes, normal, half, half, test)

    detector = LOE(
        MHRot(**{"device": options.device, **options.params}),
        method="blind" if method == "clean" else method,
        contamination=RATIO,
        warmup_epochs=options.warmup_epochs,
        random_state=seed,
    )
    start = time.perf_counter()
    detector.fit(X_train)
    fit_seconds = time.perf_counter() - start
    scores = detector.score_samples(X_test)
    return {
        "dataset": "fashion-mnist",
        "normal_class": normal,
        "backbone": "MHRot",
        "params": as_text(options.params),
        "pool": options.pool,
        "train_rows": len(X_train),
        "test_rows": len(X_test),
        "method": method,
        "seed": seed,
        "roc_auc": round(roc_auc_score(y_test, -scores), 4),
        "epochs": detector.n_iter_,
        "device": options.device,
        "fit_seconds": round(fit_seconds, 1),
        "seconds": round(time.perf_counter() - start, 1),
    }


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", type=Path, default=DEBIAN, help="folder of the .gz files")
    parser.add_argument("--classes", nargs="+", type=int, default=range(10), choices=range(10))
    parser.add_argument("--methods", nargs="+", choices=PAPER, default=list(PAPER))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", type=int, help="training images of the class; default: all")
    parser.add_argument("--test-rows", type=int, help="test images, half of the class")
    parser.add_argument(
        "--pool", type=int, default=1, choices=(1, 2, 4), help="make images smaller"
    )
    parser.add_argument("--params", nargs="+", default=[], metavar="NAME=VALUE", help="of MHRot")
    parser.add_argument("--warmup-epochs", type=int, default=2, help="of LOE")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.params = parameters(options.params)
    return options


def main() -> None:
    """Run all, write the rows, print the table."""
    options = parse()
    torch.set_num_threads(1)
    parts = [load(options.data_home, part) for part in ("train", "t10k")]
    data = tuple((pooled(images, options.pool), classes) for images, classes in parts)
    todo = [
        (normal, method, seed)
        for normal in options.classes
        for seed in range(options.seeds)
        for method in options.methods
    ]
    rows = []
    for job in track(todo, "training", disable=not sys.stdout.isatty()):
        rows.append(run(options, data, *job))
        write(rows, options.output)  # after each fit: the whole takes long

    columns = " | ".join(f"class {normal}" for normal in options.classes)
    print(f"| method | {columns} | mean | the paper's mean of ten classes |")
    print("|---" * (len(options.classes) + 3) + "|")
    for method in options.methods:
        means = [
            100 * np.mean([r["roc_auc"] for r in rows if key == (r["normal_class"], r["method"])])
            for key in ((normal, method) for normal in options.classes)
        ]
        cells = " | ".join(f"{mean:.1f}" for mean in means)
        print(f"| {method} | {cells} | {np.mean(means):.1f} | {PAPER[method]} |")
    print(f"{sum(row['seconds'] for row in rows):.0f} seconds for {len(rows)} fits and scorings")
    print(", ".join(f"{key} {value}" for key, value in describe().items() if value))


if __name__ == "__main__":
    main()
