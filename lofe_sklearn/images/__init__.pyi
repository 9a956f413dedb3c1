# What the package exports: read by type checkers, and at run time.
from lofe_sklearn.images._patch_detector import PatchDetector as PatchDetector
from lofe_sklearn.images._pixel_metrics import pixel_roc_auc as pixel_roc_auc
