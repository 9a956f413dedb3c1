"""
Train many models in the time of a few
======================================

You learn how to train many networks at once, and what more members of an ensemble bring. Members,
seeds and ratios are trained side by side in one stack of networks, so 64 of them take only a few
times as long as one.
"""

# %%
# One to sixty-four members
# -------------------------
# Thyroid measurements with a tenth of anomalies in training, by the protocol of the LOE paper.

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
setting = {"contamination": 0.1, "evidence": None}
numbers = [1, 4, 16, 64]
seconds = []
for number in numbers:
    start = time.perf_counter()
    LOE(network, n_estimators=number, random_state=0, **setting).fit(X_train)
    seconds.append(time.perf_counter() - start)
    print(f"{number:2d} members: {seconds[-1]:.2f} s")

# %%
# Eight seeds at once
# -------------------
# :func:`~lofe_sklearn.fit_many` trains detectors of your own choice in one stack. Each gets
# the same scores as if it was fitted alone. Here ensembles of three sizes are trained with eight
# seeds each.

sizes = [1, 4, 16]
precision = {}
for size in sizes:
    detectors = [LOE(network, n_estimators=size, random_state=s, **setting) for s in range(8)]
    fitted = fit_many(detectors, X_train)
    precision[size] = [
        average_precision_score(y_test, -each.score_samples(X_test)) for each in fitted
    ]
    print(
        f"{size:2d} members: average precision {np.mean(precision[size]):.3f} on the mean, "
        f"{min(precision[size]):.3f} with the worst seed"
    )

# %%
# Time, and what it buys
# ----------------------
# Left, the time grows more slowly than the number of members. Right, each dot is one seed. More
# members make the result depend less on the seed.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
left.loglog(numbers, np.array(seconds) / seconds[0], "o-", color="#54a24b", label="in one stack")
left.loglog(numbers, numbers, "--", color="grey", label="one after another")
left.set_xticks(numbers, numbers)
left.set_yticks([1, 4, 16, 64], [1, 4, 16, 64])
left.minorticks_off()
left.set(xlabel="members", ylabel="time, in fits of one member")
left.set_title(f"64 members take {seconds[-1] / seconds[0]:.1f} times as long as one")
left.legend()
for place, size in enumerate(sizes):
    right.scatter(np.full(8, place), precision[size], s=40, color="#54a24b", alpha=0.6)
    right.hlines(np.mean(precision[size]), place - 0.2, place + 0.2, color="grey")
right.set_xticks(range(len(sizes)), sizes)
right.set(xlabel="members", ylabel="average precision of one seed", xlim=(-0.5, len(sizes) - 0.5))
right.set_title("Ensembles depend less on the seed")
plt.show()

# %%
# Go on with :doc:`/how_to/many_models`, and with :doc:`/auto_examples/ensembles/plot_search`, which
# trains all candidates of a search in one stack.
