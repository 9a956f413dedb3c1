"""
Save a model, score tomorrow's rows, and explain them
=====================================================

You learn how to fit a detector today, store it in a file that holds no code, and use it tomorrow
on rows that it has never seen (extras ``table`` and ``save``).
"""

# %%
# Today: fit and save
# -------------------
# The first 2,000 card transactions are today's, and the last 400 are tomorrow's. The pipeline takes
# text, dates and gaps as they are. We expect that between 0.5 and 5 % of the rows are odd.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import lofe_sklearn
from lofe_sklearn import LOE
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.inspection import explain
from lofe_sklearn.plotting import ReasonsDisplay
from lofe_sklearn.tabular import table_pipeline

table, y = make_transactions(2400, contamination=0.03, random_state=0)
columns = table.drop(columns=["transaction_id", "currency"])
today, tomorrow, is_odd = columns[:2000], columns[2000:], y[2000:].to_numpy()

loe = LOE(contamination=(0.005, 0.05), evidence=["iforest", "knn"], random_state=0)
pipeline = table_pipeline(loe).fit(today)
path = Path(tempfile.mkdtemp()) / "transactions.lofe"
lofe_sklearn.save(pipeline, path)
print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")

# %%
# Tomorrow: load and score
# ------------------------
# Another program loads the file. It scores new rows as the first one would, to the last bit.

model = lofe_sklearn.load(path)
scores = model.score_samples(tomorrow)
print("the same scores:", bool((scores == pipeline.score_samples(tomorrow)).all()))
flagged = np.flatnonzero(model.predict(tomorrow) == -1)
print(
    f"{len(flagged)} of {len(tomorrow)} rows are flagged, {is_odd[flagged].sum()} of them are odd"
)

# %%
# Explain the most anomalous new row
# ----------------------------------
# The reasons are columns of the table, whatever the steps of the pipeline make of them.

worst = int(np.argmin(scores))
reasons = explain(model, tomorrow.iloc[[worst]], background=today)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 3.8), width_ratios=(1.2, 1), layout="constrained"
)
bins = np.linspace(scores.min(), scores.max(), 45)
left.hist(
    [scores[is_odd == 0], scores[is_odd == 1]],
    bins,
    stacked=True,
    color=["#4c78a8", "#e45756"],
    label=["normal", "odd"],
)
left.axvline(model[-1].offset_, color="grey", linestyle="--", label="threshold of today")
left.set_yscale("log")
left.set(xlabel="score, low for anomalies", ylabel="new rows", title="Tomorrow's rows")
left.set_ylim(0.7, 400)
left.legend(loc="upper right")
ReasonsDisplay.from_explanation(reasons, k=4, name="Why the lowest one", ax=right)
plt.show()

# %%
# Go on with :doc:`/how_to/save_and_serve`, :doc:`/how_to/reasons` and, for what a file can and
# cannot do, :doc:`/explanations/security`.
