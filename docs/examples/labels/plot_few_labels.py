"""
Some anomalies are known
========================

Somebody has looked at a few rows. Known labels are fixed during the training, and the labels of all
other rows are inferred as usual. How much do five, ten or twenty known anomalies help?
"""

# %%
# Two detectors with the same rows
# --------------------------------
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

numbers = [0, 5, 10, 20]
precision = []
for number in numbers:
    known = np.zeros(len(X_train), dtype=bool)
    known[anomalies[:number]] = True
    detector = LOE(random_state=0).fit(X_train, known_anomalies=known if number else None)
    precision.append(average_precision_score(y_test, -detector.score_samples(X_test)))
    print(f"{number:2d} known anomalies: average precision {precision[-1]:.3f} on new rows")

# %%
# On rows that were not in training
# ---------------------------------
# :mod:`lofe_sklearn.active` says which rows to ask an expert about.

figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.plot(numbers, precision, "o-", color="#e45756")
axes.set(xlabel="known anomalies", ylabel="average precision", ylim=(0, 1), xticks=numbers)
plt.show()
