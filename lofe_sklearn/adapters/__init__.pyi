from lofe_sklearn.adapters import adbench as adbench
from lofe_sklearn.adapters import pyod as pyod
