"""
Many models in the time of a few
================================

Members of an ensemble, seeds and ratios are trained side by side, in one stack. How much time does
that save, and what do more members bring?
"""

# %%
# One to sixty-four members
# -------------------------
# Thyroid measurements with a tenth of anomalies in training, by the paper's protocol.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import average_precision_score

from lofe_sklearn import LOE, DeepSVDD, fit_many
from lofe_sklearn.datasets import load_thyroid, loe_tabular_split

X, y = load_thyroid(return_X_y=True)
X_train, X_test, _, y_test = loe_tabular_split(X, y, contamination=0.1, random_state=0)

network = DeepSVDD(max_epochs=20)
network.fit(X_train[:100])  # the first fit of a process loads what torch needs
numbers = [1, 4, 16, 64]
seconds, precision = [], []
for number in numbers:
    loe = LOE(network, contamination=0.1, n_estimators=number, evidence=None, random_state=0)
    start = time.perf_counter()
    loe.fit(X_train)
    seconds.append(time.perf_counter() - start)
    precision.append(average_precision_score(y_test, -loe.score_samples(X_test)))
    print(f"{number:2d} members: {seconds[-1]:5.2f} s, average precision {precision[-1]:.3f}")

# %%
# A stack grows more slowly than its members
# ------------------------------------------

figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
axes.loglog(numbers, np.array(seconds) / seconds[0], "o-", color="#e45756", label="in one stack")
axes.loglog(numbers, numbers, "--", color="grey", label="one after another")
axes.set_xticks(numbers, numbers)
axes.minorticks_off()
axes.set(xlabel="members", ylabel="time, in fits of one member")
axes.legend()
plt.show()

# %%
# Several detectors at once
# -------------------------
# :func:`~lofe_sklearn.fit_many` does the same for detectors of your own choice: here the ensemble
# of four under four assumed ratios. Each is as if it was fitted alone.

ratios = [0.02, 0.05, 0.1, 0.2]
detectors = [
    LOE(network, contamination=ratio, n_estimators=4, evidence=None, random_state=0)
    for ratio in ratios
]
for ratio, fitted in zip(ratios, fit_many(detectors, X_train), strict=True):
    quality = average_precision_score(y_test, -fitted.score_samples(X_test))
    print(f"assumed ratio {ratio:4.0%}: average precision {quality:.3f}")
