"""Detectors in the shape of other libraries: `lofe_sklearn.adapters.adbench` and `.pyod`.

Each is imported from its own module, since it may need the other library to be installed.
"""
