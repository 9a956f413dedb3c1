"""A number in text, taken apart: sign, currency, digits, what multiplies it, and unit."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from lofe_sklearn.tabular._magnitudes import (
    PATTERN,
    factor_of_count,
    factor_of_money,
    split_currency,
)
from lofe_sklearn.tabular._sides import split_side
from lofe_sklearn.tabular._units import ratio_of_units

_SIGNS = "$€£¥₹₽₩₺₴₫₪฿₦₱₲₡₵₸₼₾₿₨₭₮৳؋￥￡￦"
_CODES = (
    "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|BRL|MXN|ZAR|KRW|SGD|"
    "HKD|ILS|RUB|UAH|AED|SAR|QAR|KWD|BHD|OMR|JOD|EGP|MAD|TND|NGN|GHS|KES|UGX|TZS|XOF|XAF|ETB|THB|"
    "MYR|IDR|PHP|VND|TWD|PKR|BDT|LKR|NPR|ARS|CLP|COP|PEN|UYU|BGN|RSD|ISK|GEL|KZT|BTC|RMB|"
    # RM 101 is a room, and RM 101.00 are ringgits.
    r"RM(?= ?[\d,]*\.\d\d)|"
    r"(?:US|CA|C|AU|A|NZ|HK|NT|S|R|MX)\$|S/\.?|Rs\.?|Rp\.?|K[Ss]h\.?|Bs\.?|Tk\.?|Fr\.?|kr\.?"
)
_CURRENCY = rf"[{_SIGNS}]|{_CODES}"
_UNIT = rf"(?:[^\W\d_]|[%‰°µ/·\"″{_SIGNS}]){{1,10}}\.?"
# 450 m2 and 3 ft^3; 4.6/5 is a rating.
_WITH_DIGITS = r"(?:[mckd]?m|ft|in|yd|mi)\^?[23]|/ ?(?:5|10|20|100)"
# 7.94 x10^9/L, 1.2×10^5 and 5.1 10*3/uL.
_TENS = r"(?:\s?[xX\u00d7·*]\s?|\s)10(?:\^|\*\*?|[eE])(?P<exponent>[-+]?\d{1,2})"
_RAISED = re.compile(r"(?<=10)[⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOWERED = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
_QUANTITY = re.compile(
    r"(?:(?P<limit>[<>≤≥])=?|[~≈]|(?:ca|approx)\.|(?:ca|circa|about) )?\s*(?P<open>\()?"
    rf"(?P<sign>[-+])?\s?(?P<before>{_CURRENCY})?\s?"
    r"(?P<minus>-)?(?P<digits>[.,]?\d(?:[\d.,' ]*\d)?)(?P<power>[eE][-+]?\d{1,3})?"
    rf"(?P<tens>{_TENS})?"
    r"(?P<least>\+(?=\s?[^\W\d_]))?"
    rf"\s?(?P<after>{_WITH_DIGITS}|{_UNIT}(?: {_UNIT}){{0,2}})?(?:(?P<late>-)|(?P<plus>\+))?"
    r"(?P<close>\))?"
)
# Minus signs, apostrophes, Arabic separators and full-width signs, by their plain forms.
_ALIKE = str.maketrans("\u2212\u2013\u2019\u02bc\u066b\u066c\uff05\uff0e\uff0c\u066a", "--''.,%.,%")
# $10,000 - $20,000 and 5 to 10 years.
_RANGE = re.compile(r"([^-]*?\d[^-]*?)(?: ?- ?| to | bis )([^-]*\d[^-]*)")
# 4½ and ¾.
_FRACTION = re.compile(r"(?<![\d.,])(\d*)([¼½¾⅓⅔⅛⅜⅝⅞])")
# 6 lb 13 oz, 4 ft 7 in and 5 kg 300 g, in the second unit.
_TWO_UNITS = re.compile(r"(\d+) ?([^\W\d_]{1,6}\.?),? ?(\d+(?:\.\d+)?) ?([^\W\d_]{1,6}\.?)")
# 638,-, 3'254.– and, in India, 475/- are prices without cents.
_NO_CENTS = re.compile(r"(?<=\d)(?:[.,]--?(?!\d)|/[-=]$)")
# $(1,200.00), as spreadsheets write what is below zero.
_CURRENCY_FIRST = re.compile(rf"^({_CURRENCY}) ?\((?=.*\)$)")
# $30/hr, $5 per kg and $30 USD; the letters of 1.2K followers and $45K/yr multiply.
_RATE = re.compile(
    rf"(?P<times>\s?(?:{PATTERN})\.?)?"
    rf"(?P<unit> ?/ ?[^\W\d_].*| (?:per|pro|par|an?|each)(?: .+)?|\s?(?:{_CODES}))"
)
_COUNTED = re.compile(rf"(?P<times>[kKMB]|\s(?:{PATTERN})\.?)(?P<unit> [^\W\d_]{{3,}}.*)")
# 52°27'16" N and 52° 27.3' in degrees.
_ANGLE = re.compile(
    r"([-+])?(\d{1,3}) ?[°º] ?([0-5]?\d(?:[.,]\d+)?) ?['\u2032]"
    r"(?: ?([0-5]?\d(?:[.,]\d+)?) ?(?:[\"\u2033\u201d]|''))?(?: ?([NSEW]))?"
)
# 5'11", 5' 11 and 6', in inches.
_FEET = re.compile(r"([1-9]) ?['\u2032](?: ?(\d|1[01])(\.\d+)?(?: ?(?:[\"\u2033\u201d]|''))?)?")
FEET = "'\""
_STRICT = str.maketrans("≤≥", "<>")


@dataclass(frozen=True)
class Parts:
    """A number in text, taken apart.

    A limit is "<" or ">", as in "<0.1", "3+" and "10+ years". Open is a whole number with a dash
    behind it: it may be negative, or begin a class such as "50-". A range has its upper end too.
    """

    digits: str
    power: str
    is_negative: bool
    before: str
    after: str
    times: str = ""
    factor: float = 1.0
    limit: str = ""
    is_open: bool = False
    upper: Parts | None = None

    def as_count(self) -> Parts:
        """Return this with the text behind the number as what multiplies it, if it can be."""
        factor = factor_of_count(self.after)
        if factor is None or self.times:
            return self
        upper = None if self.upper is None else self.upper.as_count()
        return replace(self, after="", times=self.after, factor=factor, upper=upper)

    @property
    def behind(self) -> str:
        """The text behind the number, whatever it is."""
        return self.times + self.after

    def on_side(self, negative: str) -> Parts:
        """Return this with its sign instead of the text of a side, such as " DR"."""
        divided = split_side(self.behind)
        if divided is None or self.upper is not None:
            return self
        unit, _, side = divided
        is_negative = self.is_negative != (side == negative.strip(" .").upper())
        return replace(self, after=unit, times="", factor=1.0, is_negative=is_negative)

    @property
    def unit(self) -> str:
        return self.before.strip() + self.after.strip()

    def number(self, decimal: str) -> float | None:
        """Return the number, or the middle of a range; None if it is not written as numbers are."""
        if self.upper is not None:
            lower, upper = replace(self, upper=None).number(decimal), self.upper.number(decimal)
            if lower is None or upper is None or lower > upper:
                return None
            return (lower + upper) / 2
        whole, _, fraction = self.digits.partition(decimal)
        group = "," if decimal == "." else "."
        if fraction and not fraction.isdigit():
            return None
        if whole and not whole.isdigit():
            # India groups two digits but for the last three.
            grouped = rf"[1-9]\d{{0,2}}(?P<sign>[{group}' ])(?:\d{{2,3}}(?P=sign))*\d{{3}}"
            if re.fullmatch(grouped, whole) is None:
                return None
        size = float(re.sub(r"\D", "", whole) + "." + fraction + "0" + self.power)
        size *= self.factor
        return -size if self.is_negative else size


def parts_of(text: str) -> Parts | None:
    """Take a number or a range apart; None for other texts, and for codes such as 00123."""
    word = text.strip()
    if len(word) > 60:  # no number is so long
        return None
    if not word.isascii():
        word = _RAISED.sub(lambda power: "^" + power[0].translate(_LOWERED), word)
        word = _FRACTION.sub(_decimal, word)
        word = "".join(map(_plain_sign, word)).translate(_ALIKE)
    feet = _FEET.fullmatch(word)
    if feet is not None:
        inches = 12 * int(feet[1]) + int(feet[2] or 0)
        return Parts(f"{inches}{feet[3] or ''}", "", False, "", FEET)
    angle = _ANGLE.fullmatch(word)
    if angle is not None:
        return _degrees(*angle.groups())
    both = _TWO_UNITS.fullmatch(word)
    total = None if both is None else _in_second_unit(*both.groups())
    if total is not None:
        return total
    found = _QUANTITY.fullmatch(_CURRENCY_FIRST.sub(r"(\1", _NO_CENTS.sub("", word)))
    ends = None if found is not None else _RANGE.fullmatch(word)
    if ends is not None:
        return _range_of(parts_of(ends[1]), parts_of(ends[2]))
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    digits = found["digits"]
    # A number with + and spaces is a telephone's.
    is_code = re.match(r"0\d", digits) or (found["sign"] == "+" and " " in digits)
    minus = [found["sign"] == "-", bool(found["minus"]), bool(found["late"]), bool(found["open"])]
    if is_code or sum(minus) > 1:
        return None
    before, after = (_with_space(found.string, found, name) for name in ("before", "after"))
    parts = Parts(digits, found["power"] or "", any(minus), before, after)
    is_open = bool(found["late"]) and digits.isdigit() and not (before or after)
    limit = ">" if found["plus"] or found["least"] else "<" if is_open else (found["limit"] or "")
    parts = replace(parts, limit=limit.translate(_STRICT), is_open=is_open)
    if found["tens"]:
        factor = 10.0 ** int(found["exponent"])
        return None if before else replace(parts, times=found["tens"], factor=factor)
    return _multiplied(parts) if after else parts


def _range_of(lower: Parts | None, upper: Parts | None) -> Parts | None:
    """Return a range by its ends; None where they are of no unit.

    Without one, 5-10 may be a code, a date or a result. The unit is written at both ends, or where
    it is not between them.
    """
    if lower is None or upper is None:
        return None
    if lower.before and not upper.before:
        upper = _multiplied(replace(upper, before=lower.before)) if upper.after else upper
        upper = None if upper is None else replace(upper, before=lower.before)
    if upper is None:
        return None
    if not lower.behind:
        lower = replace(lower, after=upper.after, times=upper.times, factor=upper.factor)
    is_plain = not (lower.limit or upper.limit or lower.upper or upper.upper)
    has_unit = upper.unit == lower.unit != ""
    return replace(lower, upper=upper) if is_plain and has_unit else None


def _multiplied(parts: Parts) -> Parts | None:
    """Return a number with the letters or words of its unit that multiply it apart.

    None where what is behind an amount of money is neither these nor what it is paid for.
    """
    before, after = parts.before, parts.after
    if before:
        factor = factor_of_money(after)
        divided = split_side(after)
        if factor is None and divided is not None and len(divided[2]) > 1:
            factor = 1.0
        if factor is not None:
            return replace(parts, after="", times=after, factor=factor)
        rate = _RATE.fullmatch(after)
        if rate is None:
            return None
        factor = factor_of_money(rate["times"]) if rate["times"] else 1.0
        times = rate["times"] or ""
        return replace(parts, after=rate["unit"], times=times, factor=factor or 1.0)
    money = split_currency(after, _CURRENCY)
    factor = None if money is None else factor_of_money(money[0], has_unit=True)
    if money is not None and factor is not None:
        return replace(parts, times=money[0], after=money[1], factor=factor)
    several = _COUNTED.fullmatch(after)
    factor = None if several is None else factor_of_count(several["times"])
    if several is None or factor is None:
        return parts
    return replace(parts, times=several["times"], after=several["unit"], factor=factor)


def _degrees(
    sign: str | None, degrees: str, minutes: str, seconds: str | None, side: str | None
) -> Parts:
    """Return an angle in degrees, south and west below zero."""
    parts = [float((part or "0").replace(",", ".")) for part in (degrees, minutes, seconds)]
    size = parts[0] + parts[1] / 60 + parts[2] / 3600
    return Parts(f"{size:.6f}", "", (sign == "-") != (side in ("S", "W")), "", "°")


def _in_second_unit(whole: str, unit: str, rest: str, smaller: str) -> Parts | None:
    """Return a number of two units in the smaller one; None where they measure different things."""
    ratio = ratio_of_units(unit, smaller)
    if ratio is None or ratio <= 1 or float(rest) >= ratio:
        return None
    return Parts(f"{int(whole) * ratio + float(rest):.9g}", "", False, "", f" {smaller}")


def _decimal(found: re.Match[str]) -> str:
    """Return 4½ as 4.5."""
    return f"{int(found[1] or 0) + unicodedata.numeric(found[2]):g}"


def _with_space(word: str, found: re.Match[str], name: str) -> str:
    """Return a unit with the space between it and the number."""
    unit = found[name] or ""
    start, end = found.span(name)
    if unit and name == "before" and word[end : end + 1] == " ":
        return f"{unit} "
    return f" {unit}" if unit and name == "after" and word[start - 1] == " " else unit


def _plain_sign(sign: str) -> str:
    """Return the digit or space that a sign of another script or width is."""
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    return " " if unicodedata.category(sign) == "Zs" else sign
