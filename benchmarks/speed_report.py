"""Tables and growth plots of the speed suite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import ledger

# With a higher load than this much above the threads, others ran beside.
BESIDE = 0.5
VALUES = (
    ("train_rows_per_second", "training, rows/s"),
    ("step_us", "step, us"),
    ("epoch_seconds", "epoch, s"),
    ("fit_seconds", "fit, s"),
    ("score_rows_per_second", "scoring, rows/s"),
    ("memory_mb", "MB"),
)
# A colour for each kind of detector: ours solid, PyOD's and DeepOD's of the same kind beside it.
KINDS = {
    "NeuTraL": "tab:blue",
    "ICL": "tab:orange",
    "GOAD": "tab:purple",
    "DeepSVDD": "tab:green",
    "AutoEncoder": "tab:red",
    "LOE": "black",
}
OTHERS = (
    *("tab:brown", "tab:pink", "tab:olive", "tab:cyan", "tab:gray", "gold", "navy", "teal"),
    *("magenta", "lime", "peru", "indigo"),
)
LIBRARIES = ("", "sklearn", "pyod", "deepod")
STYLES = {"sklearn": ("--", "^"), "pyod": ("--", "s"), "deepod": (":", "D")}


def report(paths: Iterable[Path], output: Path) -> list[Path]:
    """Write a table of the measurements, and plots of their growth with the rows.

    Parameters
    ----------
    paths : iterable of Path
        Result files of the speed suite; other suites' rows are passed over.
    output : Path
        Folder for ``speed.md`` and the pictures.

    Returns
    -------
    written : list of Path
        The files.
    """
    rows = [row for row in ledger.read(paths) if row.get("suite") == "speed"]
    if not rows:
        raise ledger.LedgerError("there are no rows of the speed suite in these files.")
    output.mkdir(parents=True, exist_ok=True)
    cells = _medians(rows)
    written = [output / "speed.md"]
    epochs = [cell for cell in cells if cell.get("epoch_seconds")]
    fits = [cell for cell in cells if cell.get("fit_seconds") and not cell.get("epoch_seconds")]
    for name, kept, key, label in (
        ("epoch", epochs, "epoch_seconds", "training: seconds an epoch"),
        ("fit", fits, "fit_seconds", "training: seconds a fit"),
        ("scoring", cells, "score_us", "scoring: microseconds a row"),
        ("memory", cells, "plotted_mb", "peak memory of the fit, MB (1: or less)"),
    ):
        # What is left of a difference between two noisy times can be negative.
        kept = [cell for cell in kept if (cell.get(key) or 0) > 0]
        if kept:
            written.append(_plot(kept, key, label, output / f"speed_{name}.png", _others(cells)))
    written[0].write_text(_markdown(rows, cells, written[1:]))
    return written


def _medians(rows: list[ledger.Row]) -> list[dict[str, Any]]:
    """Return one line for each size, detector and parameters: medians over the repeats."""
    groups = defaultdict(list)
    for row in rows:
        label = row["detector"]
        batch = row["params"].get("batch_size", 128)
        if batch != 128:
            label += f" (batch {batch})"
        groups[row["d"], row["n"], label, row["setting"]].append(row)
    cells = []
    for (d, n, label, setting), group in groups.items():
        good = [row for row in group if not row["error"]]
        cell = {"d": d, "n": n, "detector": label, "setting": setting, "repeats": len(good)}
        cell["error"] = None if good else group[-1]["error"]
        for key, _ in VALUES:
            values = [row[key] for row in good if row.get(key) is not None]
            cell[key] = median(values) if values else None
        rate = cell["score_rows_per_second"]
        # A fit of few rows fits into what the process had already.
        cell["plotted_mb"] = None if cell["memory_mb"] is None else max(cell["memory_mb"], 1.0)
        cell["score_us"] = 1e6 / rate if rate else None
        cells.append(cell)
    return sorted(cells, key=_place)


def _place(cell: dict[str, Any]) -> tuple:
    """Return what the order in tables and legends goes by: the size, then ours, then peers."""
    name = cell["detector"]
    library = name.rpartition(".")[0]
    return (
        *(cell["d"], cell["n"]),
        LIBRARIES.index(library) if library in LIBRARIES else len(LIBRARIES),
        list(KINDS).index(name) if name in KINDS else len(KINDS),
        name,
    )


def _markdown(rows: list[ledger.Row], cells: list[dict[str, Any]], pictures: list[Path]) -> str:
    lines = ["# Speed", "", _conditions(rows), ""]
    lines += [f"![{picture.stem.replace('_', ' ')}]({picture.name})" for picture in pictures]
    settings = {cell["setting"] for cell in cells}
    for d in sorted({cell["d"] for cell in cells}):
        lines += ["", f"## {d} features", ""]
        lines += ["| n | detector | " + " | ".join(label for _, label in VALUES) + " |"]
        lines += ["|---:|---|" + "---:|" * len(VALUES)]
        for cell in [cell for cell in cells if cell["d"] == d]:
            name = cell["detector"] + (f", {cell['setting']}" if len(settings) > 1 else "")
            start = f"| {cell['n']:,} | {name} |"
            if cell["error"]:
                # The reason takes the place of the figures, so that a missing cell is seen.
                reason = cell["error"].replace("|", "/")
                lines.append(f"{start} {reason} |" + " |" * (len(VALUES) - 1))
            else:
                lines.append(start + "".join(f" {_figure(cell[key])} |" for key, _ in VALUES))
    return "\n".join(lines) + "\n"


def _conditions(rows: list[ledger.Row]) -> str:
    def all_of(key: str) -> str:
        return ", ".join(sorted({str(row[key]) for row in rows if key in row}))

    good = [row for row in rows if not row["error"]]
    text = (
        f"{len(rows)} measurements, {len(good)} with figures; medians over "
        f"{len({row['seed'] for row in rows})} repeat(s). {all_of('setting')}; "
        f"{all_of('processor')} ({all_of('cores')} cores), Python {all_of('python')}, torch "
        f"{all_of('torch')}, scikit-learn {all_of('scikit-learn')}, lofe-sklearn "
        f"{all_of('lofe-sklearn')}; at most {all_of('limit')} s a fit.\n\n"
        "Detectors with an epoch are timed by the difference of two fits: the step and the rows a "
        "second are of an epoch, the fit is one with a single epoch. Of the others both are of the "
        "whole fit. The memory is the peak of a fit above what was in use before, rows included."
    )
    busy = [row for row in good if row["load"] > int(row["threads"]) + BESIDE]
    if busy:
        loads = [row["load"] for row in busy]
        text += (
            f"\n\n**The machine was busy**: {len(busy)} of {len(good)} measurements began "
            f"at a load (mean of a minute) of {min(loads):.1f} to {max(loads):.1f}. Other "
            "processes ran beside them: times are too long, the more so the fewer cores were free."
        )
    return text


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    if value < 0:
        return "not resolved"  # a difference of two times, smaller than their noise
    if value == 0 or value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _others(cells: list[dict[str, Any]]) -> list[str]:
    """Return the detectors that are of no kind of ours: each has its colour in all plots."""
    names = {cell["detector"].split(" (")[0] for cell in cells}
    return sorted(name for name in names if name.rpartition(".")[2] not in KINDS)


def _style(label: str, others: list[str]) -> dict[str, Any]:
    name = label.split(" (")[0]
    library, _, kind = name.rpartition(".")
    if name in KINDS:
        return {"color": KINDS[name], "linestyle": "-", "marker": "o", "linewidth": 2.2}
    line, marker = STYLES.get(library, ("-.", "v"))
    color = KINDS.get(kind) or OTHERS[others.index(name) % len(OTHERS)]
    return {"color": color, "linestyle": line, "marker": marker, "linewidth": 1.2}


def _plot(cells: list[dict[str, Any]], key: str, label: str, path: Path, others: list[str]) -> Path:
    # Without the windows that pyplot would open, and only if there is something to draw.
    from matplotlib.figure import Figure

    widths = sorted({cell["d"] for cell in cells})
    unsized = sorted(cells, key=lambda cell: _place(cell)[2:])
    labels = list(dict.fromkeys(cell["detector"] for cell in unsized))
    figure = Figure(figsize=(3.6 * len(widths) + 2.4, 4.4), layout="constrained")
    axes = figure.subplots(1, len(widths), sharey=True, squeeze=False)[0]
    lines = {}
    for axis, d in zip(axes, widths, strict=True):
        for name in labels:
            own = sorted((c["n"], c[key]) for c in cells if c["detector"] == name and c["d"] == d)
            if own:
                style = _style(name, others)
                (lines[name],) = axis.plot(*zip(*own, strict=True), markersize=4, **style)
        axis.set(xscale="log", yscale="log", title=f"{d} features", xlabel="training rows")
        axis.grid(which="major", alpha=0.3)
    axes[0].set_ylabel(label)
    figure.legend(
        [lines[name] for name in labels], labels, loc="outside right center", fontsize="small"
    )
    figure.savefig(path, dpi=120)
    return path
