"""
Streaming data: notice drift, and refit
=======================================

You learn how to check each week whether a detector still fits the data, and what to do when it does
not. :func:`~lofe_sklearn.inspection.drift_report` compares the scores of new rows with those of
rows that were kept back.
"""

# %%
# A machine that wears out
# ------------------------
# A machine reports six sensor readings, and one reading in fifty is a fault. From week 7 on a
# bearing gets warmer every week. That is wear and no fault, but all readings move.

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE, DeepSVDD
from lofe_sklearn.inspection import drift_report
from lofe_sklearn.plotting import DriftDisplay

rng = np.random.default_rng(0)
mixing = np.eye(6) + 0.3 * rng.normal(size=(6, 6))


def week(number, n_rows=400):
    readings = rng.normal(size=(n_rows, 6)) @ mixing
    readings[:, :2] += 0.7 * max(0, number - 6)
    faults = rng.random(n_rows) < 0.02
    readings[faults] += rng.normal(0, 4, (faults.sum(), 6))
    return readings


# %%
# Learn as the rows arrive
# ------------------------
# The detector sees each of the first four weeks once, by ``partial_fit``. The fifth week is kept
# back. It is the reference for all later weeks.

detector = LOE(DeepSVDD(), contamination=0.02, random_state=0)
for number in range(1, 5):
    detector.partial_fit(week(number))
reference = week(5)

later = {number: week(number) for number in range(6, 13)}
reports = {n: drift_report(detector, rows, reference=reference) for n, rows in later.items()}
for number, report in reports.items():
    print(f"week {number:2d}: PSI {report.psi:.2f}, {report.flagged:.1%} flagged: {report.verdict}")

# %%
# When to act
# -----------
# The population stability index (PSI) says how far the scores have moved. Below 0.1 nothing has to
# be done. From 0.25 on the report advises a new fit.

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
colors = {"keep": "#4c78a8", "watch": "#d1730c", "refit": "#e45756"}
shapes = {"keep": "o", "watch": "s", "refit": "^"}
axes.plot(list(reports), [report.psi for report in reports.values()], color="grey")
for verdict, color in colors.items():
    weeks = [n for n, report in reports.items() if report.verdict == verdict]
    psi = [reports[n].psi for n in weeks]
    axes.plot(weeks, psi, shapes[verdict], color=color, markersize=9, label=verdict)
for bound in (0.1, 0.25):
    axes.axhline(bound, color="grey", linestyle=":", linewidth=1)
axes.axvline(6.5, color="grey", linestyle="--", linewidth=1)
axes.text(6.55, 0.95, "wear begins", transform=axes.get_xaxis_transform(), va="top")
axes.set(xlabel="week", ylabel="PSI of the scores", title="The scores drift away week by week")
axes.legend(title="advice", loc="upper left", bbox_to_anchor=(0.25, 0.95))
plt.show()

# %%
# What has moved
# --------------
# Before the wear both distributions are alike. Later the new rows have lower scores, and far too
# many of them are flagged.

figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for axes, number in zip(panels, (6, 10), strict=True):
    DriftDisplay.from_estimator(
        detector, later[number], reference=reference, name=f"week {number}", ax=axes
    )
plt.show()

# %%
# Refit
# -----
# Suppose that the bearing stays as it is in week 12. A detector that is fitted to new rows fits
# them again. It needs a new reference, too.

first, second, third = (week(12) for _ in range(3))
refitted = LOE(DeepSVDD(), contamination=0.02, random_state=0).fit(first)
print("after the new fit:", drift_report(refitted, third, reference=second).verdict)

# %%
# Go on with :doc:`/how_to/streams`.
