"""Published figures, under our names: what is in benchmarks/anchors."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "anchors"
_BACKBONES = {"ntl": "NeuTraL", "icl": "ICL"}
_METHODS = {"loe_hard": "hard", "loe_soft": "soft"}
# Our protocol to the one that a source calls so.
_ADBENCH = {"unsupervised": "unsupervised", "bootstrap": "unsupervised", "one_class": "one_class"}
_PEERS = {"unsupervised": "unsupervised_fit_and_score_all", "loe_tabular": "paper_tabular"}


def _lines(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def paper_tabular() -> dict[tuple[str, str, str], float]:
    """Return F1 in per cent of the LOE paper, by set, detector and method."""
    return {
        (line["dataset"], _BACKBONES[line["backbone"]], _method(line["method"])): float(
            line["f1_mean"]
        )
        for line in _lines("paper_tabular_f1.csv")
    }


@cache
def paper_curves() -> dict[tuple[str, str, str, str], dict[float, float]]:
    """Return the LOE paper's curves by set, metric, detector and method: per cent by ratio."""
    curves: dict[tuple[str, str, str, str], dict[float, float]] = defaultdict(dict)
    metrics = {"auc": "roc_auc"}
    for line in _lines("paper_contamination_curves.csv"):
        metric = metrics.get(line["metric"], line["metric"])
        for method in ("blind", "refine", "loe_hard", "loe_soft"):
            key = (line["dataset"], metric, _BACKBONES[line["backbone"]], _method(method))
            curves[key][float(line["true_contamination"])] = float(line[method])
    return dict(curves)


@cache
def paper_pictures(collection: str, detector: str) -> dict[tuple[float, str], float]:
    """Return the LOE paper's ROC AUC in per cent on images or video, by ratio and method."""
    if collection in ("ped1", "ped2"):
        return {
            (float(line["contamination"]), _method(line["method"])): float(line["auc_mean"])
            for line in _lines("paper_video_auc.csv")
            if line["dataset"] == f"ucsd_peds{collection[-1]}"
        }
    backbone = "mhrot" if detector == "MHRot" else "ntl"
    return {
        (float(line["true_contamination"]), _method(line["method"])): float(line["auc_mean"])
        for line in _lines("paper_image_auc.csv")
        if (line["dataset"], line["backbone"]) == (collection, backbone)
    }


@cache
def adbench(protocol: str, metric: str) -> dict[str, dict[str, float]]:
    """Return the DTE paper's figures for a protocol of ours, per cent: by detector, by set."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in _lines("adbench_published_per_dataset.csv"):
        if line["protocol"] == _ADBENCH.get(protocol) and line["metric"] == metric:
            found[line["method"]][line["dataset"].lower()] = float(line["mean"])
    return dict(found)


@cache
def peers(protocol: str, metric: str) -> dict[str, dict[str, float]]:
    """Return what was measured of other libraries, per cent: by detector, by set."""
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in _lines("peers_measured.csv"):
        unscaled = line["protocol"] == "paper_tabular_unscaled" and protocol == "loe_tabular"
        if line["protocol"] != _PEERS.get(protocol) and not unscaled:
            continue
        name = f"{line['method']}, {_method(line['variant'])}"
        of_set = f"odds:{line['dataset']}" if unscaled else f"adbench:{line['dataset']}"
        values[name][of_set].append(100 * float(line[metric] or "nan"))
    return {
        name: {of_set: float(np.mean(figures)) for of_set, figures in sets.items()}
        for name, sets in values.items()
    }


def adbench_key(dataset: str) -> str | None:
    """Return the DTE paper's name of a set of ours; None where it is not one of ADBench."""
    collection, _, name = dataset.rpartition(":")
    return re.sub(r"^\d+_", "", name).lower() if collection == "adbench" else None


def paper_key(dataset: str) -> str | None:
    """Return the LOE paper's name of a set of ours; None where it cannot be one of its sets."""
    collection, _, name = dataset.rpartition(":")
    return name if collection in ("", "odds") else None


def _method(name: str) -> str:
    return _METHODS.get(name, name)
