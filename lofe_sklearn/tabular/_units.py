"""Units of one quantity, such as GB and TB, and how many of one are in another."""

from __future__ import annotations

_PREFIXES = {
    **{"n": 1e-9, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0},
    **{"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
}
# Units that take all prefixes, by what they measure.
_BASES = {
    **{"g": "mass", "m": "length", "l": "volume", "L": "volume", "s": "time", "W": "power"},
    **{"Wh": "energy", "V": "voltage", "A": "current", "Hz": "frequency", "Pa": "pressure"},
    **{"VA": "apparent power", "var": "reactive power", "varh": "reactive energy", "N": "force"},
    **{"bps": "data rate", "bit/s": "data rate", "J": "heat", "mol": "amount"},
}
_HOUR, _DAY, _YEAR = 3600.0, 86_400.0, 365.25 * 86_400.0
_FOOT, _ACRE, _KNOT, _POUND = 0.3048, 4046.8564224, 1852 / 3600, 453.59237
_OTHERS = {
    "mass": {"t": 1e6, "lb": _POUND, "oz": _POUND / 16, "st": 14 * _POUND},
    # Feet and inches are counted in inches.
    "length": {
        **{"cm": 1e-2, "dm": 1e-1, "in": 0.0254, '"': 0.0254, "'\"": 0.0254, "ft": _FOOT},
        **{"inch": 0.0254, "foot": _FOOT},
        **{"yd": 3 * _FOOT, "mi": 1609.344, "mile": 1609.344, "NM": 1852.0, "nmi": 1852.0},
    },
    "area": {
        **{"mm2": 1e-6, "cm2": 1e-4, "m2": 1.0, "qm": 1.0, "sqm": 1.0, "sq m": 1.0, "km2": 1e6},
        **{"ha": 1e4, "acre": _ACRE, "ac": _ACRE, "ft2": _FOOT**2, "sqft": _FOOT**2},
        **{"sq ft": _FOOT**2, "sq.ft": _FOOT**2, "sq. ft": _FOOT**2, "SF": _FOOT**2},
    },
    "volume": {
        **{"cl": 1e-2, "cL": 1e-2, "dl": 1e-1, "dL": 1e-1, "hl": 1e2, "uL": 1e-6},
        **{"cm3": 1e-3, "dm3": 1.0, "m3": 1e3},
    },
    "heat": {"cal": 4.184, "kcal": 4184.0},
    "speed": {
        **{"m/s": 1.0, "km/h": 1 / 3.6, "kmh": 1 / 3.6, "kph": 1 / 3.6, "mph": 1609.344 / 3600},
        **{"kn": _KNOT, "kt": _KNOT, "kts": _KNOT, "knot": _KNOT},
    },
    "pressure": {"hPa": 1e2, "mbar": 1e2, "bar": 1e5},
    "share": {"%": 1.0, "‰": 0.1},
    # "m" is a metre.
    "time": {
        **{"sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0},
        **{"h": _HOUR, "hr": _HOUR, "hour": _HOUR, "d": _DAY, "day": _DAY, "week": 7 * _DAY},
        **{"wk": 7 * _DAY, "mo": _YEAR / 12, "month": _YEAR / 12, "yr": _YEAR, "year": _YEAR},
    },
    "data": {
        **{"B": 1.0, "byte": 1.0, "Byte": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9},
        **{"TB": 1e12, "PB": 1e15},
        **{"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40},
    },
}
# Words that have no s in their plural.
_PLURALS = {"children": "child", "people": "person", "feet": "foot", "men": "man", "women": "woman"}
# Boxes, dishes, batches and classes; entries, but ties.
_WITH_ES, _TIES = ("xes", "shes", "ches", "sses"), 4
_POWERS = str.maketrans({"\u00b2": "2", "\u00b3": "3", "^": ""})
# What each unit measures, and its size.
_UNITS = {
    **{p + unit: (what, size) for unit, what in _BASES.items() for p, size in _PREFIXES.items()},
    **{unit: (what, size) for what, units in _OTHERS.items() for unit, size in units.items()},
}


def ratio_of_units(unit: str, other: str) -> float | None:
    """Return how many of another unit are in one unit; None if they measure different things."""
    one, two = _singular(unit), _singular(other)
    if one == two:
        return 1.0
    if one not in _UNITS or two not in _UNITS:
        return _ratio_of_rates(one, two)
    if _UNITS[one][0] != _UNITS[two][0]:
        return None
    return _UNITS[one][1] / _UNITS[two][1]


def _ratio_of_rates(one: str, two: str) -> float | None:
    """Return how many of a unit such as g/L are in another such as mg/dL."""
    (above, slash, below), (other, other_slash, others) = one.partition("/"), two.partition("/")
    if not (slash and other_slash and above and other):
        return None
    upper, lower = ratio_of_units(above, other), ratio_of_units(below, others)
    return None if upper is None or lower is None else upper / lower


def _singular(unit: str) -> str:
    """Return a unit without the point of an abbreviation and as for one thing, and m² as m2."""
    word = unit.rstrip(".").translate(_POWERS)
    return word if word in _UNITS else " ".join(map(_singular_word, word.split(" ")))


def _singular_word(word: str) -> str:
    """Return a word without the s of a plural."""
    # Of short words the s is a unit's own: ms is a thousandth of a second.
    if len(word) <= 2 or not word.isalpha():
        return word
    if word.lower() in _PLURALS:
        return _PLURALS[word.lower()]
    if word.endswith("ies") and len(word) > _TIES:
        return f"{word[:-3]}y"
    if word.endswith("ss"):
        return word
    return word[:-2] if word.endswith(_WITH_ES) else word.removesuffix("s")
