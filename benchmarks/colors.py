"""Colours of all pictures; apart from `benchmarks.looks`, which needs matplotlib."""

# Blue and orange are told apart by the colour-blind, and by their brightness in grey.
OURS = "#0059A8"
ALSO_OURS = "#5B9BD5"
BLIND = "#D55E00"
OTHERS = "#A0A0A0"
ALSO_OTHERS = "#C4C4C4"
WORDS = "#333333"
