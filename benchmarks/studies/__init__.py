"""The studies: smaller measurements, one file each, that choices of the package were made by."""

from __future__ import annotations

import inspect

from benchmarks.studies import (
    ablation,
    backbones,
    calibration,
    choose_ratio,
    cleaning,
    cost,
    default_kinds,
    digest,
    false_alarms,
    false_discovery,
    far_values,
    flow,
    groups,
    growth,
    image_features,
    jobs,
    kinds,
    known_anomalies,
    known_labels,
    label_free,
    label_update,
    large_sets,
    larger_than_memory,
    nothing_chosen,
    options,
    outlier_exposure,
    patches,
    reasons,
    row_latency,
    rules,
    search_time,
    stack_growth,
    step_time,
    table_time,
    tables,
    threads,
    training_length,
    unlabelled,
    unseen_labels,
    unseen_sets,
    video_labels,
    wide_rows,
    wrong_ratio,
)
from benchmarks.study import Study

_MODULES = (
    *(unlabelled, calibration, choose_ratio, label_free, cleaning, known_labels, known_anomalies),
    *(outlier_exposure, options, search_time, stack_growth, label_update, step_time),
    *(
        cost,
        training_length,
        false_alarms,
        false_discovery,
        nothing_chosen,
        groups,
        far_values,
        tables,
        wide_rows,
        wrong_ratio,
    ),
    *(image_features, patches, flow, reasons, rules, backbones, kinds, default_kinds, ablation),
    *(unseen_labels, unseen_sets, video_labels, larger_than_memory, large_sets, growth),
    *(jobs, threads, row_latency, table_time, digest),
)
STUDIES: dict[str, Study] = {module.STUDY.name: module.STUDY for module in _MODULES}
_DESCRIPTIONS = {module.STUDY.name: inspect.getdoc(module) for module in _MODULES}


def description(study: Study) -> str:
    """Return the docstring of the file that declares the study."""
    return _DESCRIPTIONS.get(study.name) or study.purpose
