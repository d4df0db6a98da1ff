"""What people write as the time of an interaction."""

from datetime import UTC, date, datetime, timedelta
from datetime import time as clock

import polars as pl
import pytest

from featurizer.errors import InputError
from featurizer.interactions.read import read_interactions
from featurizer.interactions.times import holds_times

JANUARY_3 = 1_704_240_000
JANUARY_31 = 1_706_659_200


def write(path, times):
    table = pl.DataFrame({"user": ["u"] * len(times), "item": [*map(str, range(len(times)))], "date": times})
    (table.write_parquet if path.suffix == ".parquet" else table.write_csv)(path)
    return path


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["03.01.2024", "31.01.2024"], "times are read as day, month, year, such as 03.01.2024"),
        (["3.1.2024", None], "times are read as day, month, year, such as 3.1.2024"),
        (["3/1/2024", "31/01/2024"], "times are read as day, month, year, such as 3/1/2024"),
        (["01/03/2024", "1/31/2024"], "times are read as month, day, year, such as 01/03/2024"),
        (["01-03-2024", "01-31-2024"], "times are read as month, day, year, such as 01-03-2024"),
        (["2024-01-03", "2024-01-31T00:00:00.9Z"], "times are ISO text"),
        (["2024/01/03", "2024.1.31 0:00"], "times are ISO text"),
        (["2024-01-03 00:00:00 UTC", "2024-01-31 02:00:00+02:00"], "times are ISO text"),
        (["20240103", "20240131"], "times are dates, yyyymmdd"),
        ([20240103, None], "times are dates, yyyymmdd"),
        ([20240103000000, 20240131000000], "times are dates, yyyymmddhhmmss"),
        (["null", " 1706659200"], ""),
    ],
)
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_date_is_the_same_second_however_it_is_written_and_its_reading_is_said(
    tmp_path, caplog, times, said, suffix
):
    with caplog.at_level("INFO"):
        found = read_interactions(write(tmp_path / f"t{suffix}", times))["timestamp"].to_list()
    expected = [JANUARY_3, JANUARY_31]
    assert found == [None if time in (None, "null") else expected[row] for row, time in enumerate(times)]
    assert said in caplog.text


def test_a_time_of_day_is_kept_behind_a_date_that_begins_with_its_day(tmp_path):
    path = write(tmp_path / "t.csv", ["03.01.2024 9:05", "03.01.2024 21:05:30"])
    assert read_interactions(path)["timestamp"].to_list() == [JANUARY_3 + 32_700, JANUARY_3 + 75_930]


@pytest.mark.parametrize("mark", ["/", "-"])
def test_dates_whose_days_and_months_nothing_tells_apart_are_refused(tmp_path, mark):
    path = write(tmp_path / "t.csv", [f"03{mark}01{mark}2024", f"12{mark}12{mark}2024"])
    with pytest.raises(
        InputError, match=r"line 2: .* may begin with its day or its month.*such as 2024-01-03"
    ):
        read_interactions(path)


@pytest.mark.parametrize(
    ("times", "bad"),
    [
        (["2024-01-03", "2024-01-04", "gestern", "2024-01-05"], "line 4: the time 'gestern'"),
        (["gestern", "2024-01-04", "2024-01-05"], "line 2: the time 'gestern'"),
        (["1700000000", "1700000001", "gestern"], "line 4: the time 'gestern'"),
        (["2024-01-03", "2024-02-30"], "line 3: the time '2024-02-30'"),
        (["03.01.24", "04.01.24"], "line 2: the time '03.01.24'"),
    ],
)
def test_the_time_that_is_none_is_named_with_its_line(tmp_path, caplog, times, bad):
    caplog.set_level("INFO")
    with pytest.raises(
        InputError, match=rf"t.csv, {bad} is no time; expected unix seconds in every row, or ISO"
    ):
        read_interactions(write(tmp_path / "t.csv", times))
    assert not caplog.text


def test_lines_are_counted_as_an_editor_counts_them_and_parquet_has_rows(tmp_path):
    (tmp_path / "t.csv").write_text('user,item,date\nu,"a\nb",2024-01-03\nu,c,2024-01-03\nu,d,gestern\n')
    with pytest.raises(InputError, match="line 5: the time 'gestern'"):
        read_interactions(tmp_path / "t.csv")
    with pytest.raises(InputError, match="row 2: the time 'gestern'"):
        read_interactions(write(tmp_path / "t.parquet", ["2024-01-03", "gestern", "2024-01-03"]))


@pytest.mark.parametrize("times", [["19002", "19003"], [1, 2, 3]])
def test_times_that_all_lie_in_1970_are_kept_and_warned_of(tmp_path, caplog, times):
    found = read_interactions(write(tmp_path / "t.csv", times))["timestamp"].to_list()
    assert found == [int(time) for time in times]
    assert f"all times lie in 1970 (the largest is {max(found):,})" in caplog.text


@pytest.mark.parametrize(
    ("times", "unit", "line"),
    [
        ([1_704_067_200, 1_704_067_200_000, 1_704_067_201_000], "unix milliseconds", 2),
        ([1_704_067_200, 1_704_067_201, 1_704_067_200_000], "unix seconds", 4),
        ([1_704_067_200_000, 1_704_067_200_000_000, 1_704_067_201_000], "unix milliseconds", 3),
    ],
)
def test_times_of_several_units_are_refused_with_the_line(tmp_path, times, unit, line):
    with pytest.raises(
        InputError, match=f"line {line}: the time .* is of another unit than most, which are {unit}"
    ):
        read_interactions(write(tmp_path / "t.csv", times))


def test_no_time_beside_milliseconds_is_no_other_unit(tmp_path):
    found = read_interactions(write(tmp_path / "t.csv", [0, 1_704_067_200_000, 1_704_067_201_000]))
    assert found["timestamp"].to_list() == [0, 1_704_067_200, 1_704_067_201]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (
            ["03.01.2024", "31.01.2024", "2024-01-04"],
            "line 4: the time '2024-01-04' is written in another form than",
        ),
        (
            ["2024-01-04", "2024-01-05", "31.01.2024"],
            "line 4: the time '31.01.2024' is written in another form than",
        ),
        (
            ["03/13/2024 5:04 PM", "03/14/2024 5:04 PM"],
            "line 2: the time .* is no time; expected unix seconds",
        ),
    ],
)
def test_times_in_two_forms_are_told_apart_from_what_is_no_time(tmp_path, times, told):
    with pytest.raises(InputError, match=told):
        read_interactions(write(tmp_path / "t.csv", times))


@pytest.mark.parametrize(
    ("cells", "held"),
    [
        (["2024-01-02", None, "2024-01-03 10:00"], True),
        (["2024-01-02", "soon"], False),
        ([None, None], False),
        ([1_700_000_000, 1_700_000_001], False),
        ([date(2024, 1, 2), None], True),
        ([datetime(2024, 1, 2, tzinfo=UTC)], True),
        ([clock(10, 30)], False),
        ([timedelta(days=1)], False),
    ],
)
def test_a_column_of_days_alone_is_taken_for_times(cells, held):
    assert holds_times(pl.Series(cells)) == held
    assert not holds_times(pl.Series(cells).clear())
