"""Times as people write them, to unix seconds: numbers of any unit, dates as digits, ISO text, days first or months."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from featurizer.errors import InputError
from featurizer.interactions.frames import trimmed

logger = logging.getLogger(__name__)

UNITS = (("nanoseconds", 1e17, 10**9), ("microseconds", 1e14, 10**6), ("milliseconds", 1e11, 10**3))
"""Of times that are no seconds: from which size on, and how many a second; 1e11 seconds are the year 5138."""
DIGITS = (("yyyymmdd", 10**7, "%Y%m%d"), ("yyyymmddhhmmss", 10**13, "%Y%m%d%H%M%S"))
"""Dates without separators: what they are called, the least number of so many digits, and their format."""
PLAUSIBLE = 10**8
"""Seconds, in 1973: where others count a smaller unit, a number from here on is no time long ago."""
YEARS = (1900, 2100)
"""Of dates without separators; other numbers of so many digits are a count."""
LOOKED = 100
"""So many cells tell whether a column holds times."""
YEAR = 365 * 86_400
"""Seconds; times that are all below it lie in 1970, which no shop's do."""
EXPECTED = (
    "expected unix seconds in every row, or ISO text such as 2020-09-13 12:26:40, or days such as 13.09.2020 (24 "
    "hours, years of four digits)"
)
_YEAR_LAST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?!\d)(.*)")
_YEAR_FIRST = re.compile(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})(?!\d)(.*)")
_HOUR = re.compile(r"^[T ] *(\d):")
_EPOCH, _SECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(seconds=1)


def unix_seconds(times: pl.Series, path: Path, place: Callable[[int], str]) -> pl.Series:
    """Return times as unix seconds, int64, null where there is none, and say what they were read as.

    Args:
        times: numbers, dates, or text.
        path: the file, for messages.
        place: says where in it the row of a number, from 0, is.

    Raises:
        InputError: a time is none, or days and months cannot be told apart.
    """
    if times.dtype == pl.String:
        times = trimmed(times)
        numbers = times.cast(pl.Float64, strict=False)
        counted = len(numbers) - numbers.null_count()
        if 2 * counted <= len(times) - times.null_count() and times.null_count() < len(times):
            return _of_text(times, path, place)
        strange = numbers.is_null() & times.is_not_null()
        if strange.any():
            raise _no_time(times, strange, path, place)
        times = numbers
    if times.dtype.is_temporal():
        return times.dt.epoch("s")
    numbers = times.cast(pl.Int64 if times.dtype.is_integer() else pl.Float64)
    if numbers.dtype.is_float():
        numbers = numbers.fill_nan(None)
        if numbers.is_infinite().any():
            raise InputError(f"{path}: a time is infinite; expected unix seconds")
    return _of_numbers(numbers, path, place)


def holds_times(cells: pl.Series) -> bool:
    """Say whether cells are times for sure: of such a type, or text that is nothing else; a number may be anything."""
    if cells.dtype in (pl.Date, pl.Datetime):
        return cells.null_count() < len(cells)
    if cells.dtype != pl.String:
        return False
    texts = trimmed(cells).drop_nulls().head(LOOKED).to_list()
    forms = (_YEAR_LAST, _YEAR_FIRST)
    return bool(texts) and all(any(form.fullmatch(text) for form in forms) for text in texts)


def _of_numbers(numbers: pl.Series, path: Path, place: Callable[[int], str]) -> pl.Series:
    for name, least, form in DIGITS:
        if numbers.null_count() < len(numbers) and numbers.is_between(least, 10 * least - 1).all():
            dates = numbers.cast(pl.Int64).cast(pl.String).str.to_datetime(form, strict=False)
            if dates.null_count() == numbers.null_count() and dates.dt.year().is_between(*YEARS).all():
                logger.info("%s: times are dates, %s", path, name)
                return dates.dt.epoch("s")
    middle = numbers.abs().median()
    size = float(middle) if isinstance(middle, int | float) else 0.0
    unit, lowest, per_second = next((one for one in UNITS if size >= one[1]), ("", 0.0, 1))
    sizes = numbers.abs()
    most = min((bound for _, bound, _ in UNITS if bound > max(lowest, size)), default=float("inf"))
    strange = (sizes >= most) | ((sizes < lowest) & (sizes >= PLAUSIBLE))
    if strange.any():
        row = strange.arg_max() or 0
        raise InputError(
            f"{path}, {place(row)}: the time {numbers[row]} is of another unit than most, which are unix "
            f"{unit or 'seconds'}; expected one unit in all rows"
        )
    if unit:
        logger.info("%s: times are unix %s", path, unit)
    seconds = (numbers // per_second).cast(pl.Int64)
    largest = seconds.max()
    if isinstance(largest, int) and seconds.is_between(0, YEAR - 1).all():
        logger.warning(
            "%s: as unix seconds all times lie in 1970 (the largest is %s), so only their order tells anything. "
            "Where they count days or else, write them as unix seconds or ISO text",
            path,
            f"{largest:,}",
        )
    return seconds


def _of_text(times: pl.Series, path: Path, place: Callable[[int], str]) -> pl.Series:
    each = times.drop_nulls().unique(maintain_order=True).to_list()
    moments = {text: _iso(text) for text in each}
    others = [text for text, moment in moments.items() if moment is None]
    year_last = [match for match in map(_YEAR_LAST.fullmatch, others) if match]
    if 2 * len(year_last) > len(each):
        day, month = _order(year_last, times, path, place)
        moments = {text: _of_parts(_YEAR_LAST.fullmatch(text), 4, month, day) for text in each}
        order = "day, month, year" if day < month else "month, day, year"
        reading = f"read as {order}, such as {year_last[0][0]}"
    else:
        moments |= {text: _of_parts(_YEAR_FIRST.fullmatch(text), 1, 3, 4) for text in others}
        reading = "ISO text"
    bad = next((text for text, moment in moments.items() if moment is None), None)
    if bad is not None:
        other = next((text for text, moment in moments.items() if moment is not None), None)
        if other is not None and (_iso(bad) is not None or _YEAR_LAST.fullmatch(bad)):
            where = place(times.eq_missing(bad).arg_max() or 0)
            raise InputError(
                f"{path}, {where}: the time {bad!r} is written in another form than {other!r}; expected one form in "
                "all rows"
            )
        raise _no_time(times, times.eq_missing(bad), path, place)
    logger.info("%s: times are %s", path, reading)
    seconds = [(moment - _EPOCH) // _SECOND for moment in moments.values() if moment is not None]
    by_text = pl.DataFrame([pl.Series("text", each, pl.String), pl.Series("seconds", seconds, pl.Int64)])
    joined = times.alias("text").to_frame().join(by_text, on="text", how="left", maintain_order="left")
    return joined["seconds"].alias(times.name)


def _order(
    dates: Sequence[re.Match[str]], times: pl.Series, path: Path, place: Callable[[int], str]
) -> tuple[int, int]:
    """Return which groups of such dates are day and month: dots put days first, else a number over 12 tells.

    Raises:
        InputError: nothing tells.
    """
    if all(date[2] == "." for date in dates) or any(int(date[1]) > 12 for date in dates):
        return 1, 3
    if any(int(date[3]) > 12 for date in dates):
        return 3, 1
    text = dates[0].string
    where = place(times.eq_missing(text).arg_max() or 0)
    first, second, year, rest = (dates[0].expand(rf"\{group}") for group in (1, 3, 4, 5))
    raise InputError(
        f"{path}, {where}: the time {text!r} may begin with its day or its month, "
        f"and no other time of the file tells which; expected ISO text, such as {year}-{second:0>2}-{first:0>2}{rest}"
    )


def _of_parts(match: re.Match[str] | None, year: int, month: int, day: int) -> datetime | None:
    """Return the time whose year, month and day are these groups, and whose time of day is the last."""
    if match is None:
        return None
    hours = _HOUR.sub(r" 0\1:", match[5])
    return _iso(f"{match[year]}-{match[month]:0>2}-{match[day]:0>2}{hours}")


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _no_time(times: pl.Series, bad: pl.Series, path: Path, place: Callable[[int], str]) -> InputError:
    row = bad.arg_max() or 0
    return InputError(f"{path}, {place(row)}: the time {times[row]!r} is no time; {EXPECTED}")
