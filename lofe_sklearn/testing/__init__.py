"""One call that checks your own backbone, for its tests.

>>> from lofe_sklearn import DeepSVDD
>>> from lofe_sklearn.testing import check_backbone
>>> check_backbone(DeepSVDD(max_epochs=20), scikit_learn=False)[:3]
['estimator', 'two losses for each row', 'rows do not affect each other']

A check that fails raises an AssertionError that says what was needed, what came, and how to mend
it. Two more checks only warn: their findings break no contract, but deserve a look.
"""

from lofe_sklearn.testing._check_backbone import check_backbone

__all__ = ["check_backbone"]
