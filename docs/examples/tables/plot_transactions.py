"""
A table with text, dates and missing values
===========================================

You learn how to find suspicious rows in a table that has numbers, text, dates, truth values and
gaps. :func:`~lofe_sklearn.tabular.table_pipeline` (extra ``table``) takes the data frame as it is.
"""

# %%
# The table
# ---------
# These card transactions are made up. Two per cent of them are odd, each in one of five ways.
# ``y`` and ``kinds`` say which. They are used only at the end.

import matplotlib.pyplot as plt
import numpy as np

from lofe_sklearn import LOE
from lofe_sklearn.datasets import make_transactions
from lofe_sklearn.metrics import average_precision
from lofe_sklearn.tabular import table_pipeline

table, y, kinds = make_transactions(2000, return_kinds=True, random_state=0)
table.head()

# %%
# From the table to a ranked list
# -------------------------------
# The identifier and the currency say nothing about a transaction. ``fit`` would drop them with a
# warning, so we leave them out. We expect that between 0.5 and 5 % of the rows are odd. The default
# evidence includes a robust covariance, which does not suit columns made of text, so we name two
# others.

columns = table.drop(columns=["transaction_id", "currency"])
loe = LOE(contamination=(0.005, 0.05), evidence=["iforest", "knn"], random_state=0)
pipeline = table_pipeline(loe).fit(columns)
scores = pipeline.score_samples(columns)
worst = np.argsort(scores)[:10]
table.iloc[worst].assign(planted=kinds.iloc[worst])

# %%
# Which kinds are found
# ---------------------
# A country that nobody else pays from is found at once. An odd hour or amount is odd only for its
# category, and harder to tell from what is merely rare.

print(f"average precision {average_precision(y, scores):.2f}, by chance {y.mean():.2f}")
position = np.argsort(np.argsort(scores)) + 1
odd = {name: np.sort(position[kinds == name]) for name in kinds.unique() if name != "normal"}
odd = dict(sorted(odd.items(), key=lambda item: -np.median(item[1])))
figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for height, own in enumerate(odd.values()):
    axes.plot([own[0], own[-1]], [height, height], color="#e45756", alpha=0.3)
    axes.scatter(own, np.full(len(own), height), s=45, color="#e45756", alpha=0.8)
axes.axvspan(1, y.sum(), color="grey", alpha=0.2, lw=0)
axes.text(1.1, -0.35, f"first {y.sum()} rows", va="top")
axes.set_xscale("log")
axes.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
axes.set_yticks(range(len(odd)), odd)
axes.set(xlabel=f"place in the ranked list of {len(table):,} rows", xlim=(0.9, len(table)))
axes.set(ylim=(-0.8, len(odd) - 0.5), title="Odd countries are on top of the list")
plt.show()

# %%
# Go on with :doc:`/how_to/tables` and :doc:`/how_to/reasons`. From a file and without Python, the
# program ``lofe`` does the same: see :doc:`/reference/command_line`.
