"""
Use a few known anomalies
=========================

You learn how to tell a detector about anomalies that somebody has found, and how much five, ten or
twenty of them help. Known labels are fixed during the training. The labels of all other rows are
inferred as usual.
"""

# %%
# More and more known anomalies
# -----------------------------
# Thyroid measurements; 2.5 % of the patients are ill. Six tenths of the rows are for training. For
# each number, as many of the anomalies among them are known.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split

from lofe_sklearn import LOE
from lofe_sklearn.datasets import load_thyroid

X, y = load_thyroid(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=0.6, stratify=y, random_state=0
)
anomalies = np.random.default_rng(0).permutation(np.flatnonzero(y_train == 1))

scores = {}
for number in (0, 5, 10, 20):
    known = np.zeros(len(X_train), dtype=bool)
    known[anomalies[:number]] = True
    detector = LOE(contamination=0.025, random_state=0)
    detector.fit(X_train, known_anomalies=known if number else None)
    scores[number] = -detector.score_samples(X_test)

# %%
# On rows that were not in training
# ---------------------------------
# Each line shows how many of the ill patients somebody finds who reads the ranked list of new rows
# from the top.

n_ill = y_test.sum()
figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
looks = zip(scores.items(), (0.3, 0.5, 0.75, 1.0), (":", "-.", "--", "-"), strict=True)
for (number, score), alpha, line in looks:
    found = np.cumsum(y_test[np.argsort(-score)]) / n_ill
    precision = average_precision_score(y_test, score)
    text = f"{number:2d} known: average precision {precision:.2f}"
    axes.plot(range(1, len(found) + 1), found, line, color="#e45756", alpha=alpha, lw=2, label=text)
axes.axvline(n_ill, color="grey", linewidth=1)
axes.text(n_ill + 1.5, 0.45, f"{n_ill} rows: as many as are ill")
axes.set(
    xlim=(0, 150), ylim=(0, 1.02), xlabel="new rows looked at", ylabel="share of the ill found"
)
axes.set_title("A few known anomalies put the others higher in the list")
axes.legend(loc="lower right")
plt.show()

# %%
# Go on with :doc:`/how_to/known_labels`, and with :doc:`/how_to/ask_an_expert`, which says which
# rows to have looked at.
