"""
Suspicious rows of a table of transactions
==========================================

A table of card transactions has numbers, text, dates, truth values and gaps, and a few of its rows
are odd, each in a way of its own. :func:`~lofe_sklearn.tabular.table_pipeline` (extra ``table``)
takes the table as it is.
"""

# %%
# The table
# ---------
# ``y`` and ``kinds``, which say what was planted, are only looked at in the end.

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
# ``fit`` would drop the identifier and the currency, with a warning. They are left out.

columns = table.drop(columns=["transaction_id", "currency"])
pipeline = table_pipeline(LOE(random_state=0)).fit(columns)
scores = pipeline.score_samples(columns)
worst = np.argsort(scores)[:10]
table.iloc[worst].assign(planted=kinds.iloc[worst])

# %%
# Which kinds are found
# ---------------------
# A country of its own is found easily. An odd hour or amount is odd only for its category, and is
# harder to tell from what is merely rare.

print(f"average precision {average_precision(y, scores):.2f}, by chance {y.mean():.2f}")
ranks = np.argsort(np.argsort(scores)) / len(scores)
names = [name for name in kinds.unique() if name != "normal"]
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for height, name in enumerate(names):
    own = ranks[kinds == name]
    axes.scatter(own, np.full(len(own), height), color="#e45756", alpha=0.7)
axes.set_yticks(range(len(names)), names)
axes.set(xlabel="rank of the row: 0 is the most anomalous, 1 the most normal", xlim=(-0.02, 1.02))
plt.show()
