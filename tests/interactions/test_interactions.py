import csv
import gzip
from collections import Counter
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurizer.catalog.interactions import SplitOptions
from featurizer.errors import InputError, UnknownName
from featurizer.interactions.core import deduplicate, k_core
from featurizer.interactions.read import SCHEMA, read_interactions
from featurizer.interactions.split import split
from featurizer.interactions.store import read_split, statistics, write_interactions
from featurizer.values import as_id


def frame(pairs, times=None):
    rows = [
        (str(u), str(i), None if times is None else times[n], 1.0, None) for n, (u, i) in enumerate(pairs)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


pairs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=60)


@pytest.mark.parametrize(
    ("name", "users", "items", "counts"),
    [("baby", 19445, 7050, (118551, 20559, 21682)), ("sports", 35598, 18357, (218409, 37899, 40029))],
)
def test_the_published_splits_have_the_published_statistics(shared_data, name, users, items, counts):
    folder = shared_data / f"amazon-{name}"
    interactions = read_split(folder / f"{name}.inter.gz")
    found = statistics(interactions)
    assert (found["users"], found["items"]) == (users, items)
    assert (found["train"], found["valid"], found["test"]) == counts
    mapped = read_split(folder / f"{name}.inter.gz", item_map=folder / "i_id_mapping.csv")
    assert mapped["item_id"].str.len_chars().unique().to_list() == [10]
    assert statistics(mapped) == found


def test_an_item_map_may_name_its_columns_in_any_order_and_hold_others(shared_data):
    folder = shared_data / "amazon-baby"
    other, usual = (
        read_split(folder / "baby.inter.gz", item_map=folder / name)
        for name in ("item_urls.csv", "i_id_mapping.csv")
    )
    assert other.equals(usual)


@pytest.mark.parametrize("name", ["baby", "sports"])
def test_our_random_split_holds_out_as_many_of_each_user_as_the_published_one(shared_data, name):
    published = read_split(shared_data / f"amazon-{name}" / f"{name}.inter.gz")
    ours = split(published.with_columns(pl.lit(None, pl.String).alias("split")), "random", seed=3)

    def counts(interactions):
        return interactions.group_by("user_id", "split").len().sort("user_id", "split")

    assert counts(ours).equals(counts(published))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.inter", "userID\titemID\tx_label\nu\ti\t0\nu\tj\t1\n"),
        ("t.csv", "user_id,item_id,split\nu,i,train\nu,j,valid\n"),
        ("t.tsv", "reviewerID\tasin\tx_label\nu\ti\t0\nu\tj\t1\n"),
        ("t.inter", "user_id:token\titem_id:token\tsplit:token\nu\ti\ttrain\nu\tj\tvalidation\n"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_format_and_its_usual_column_names_are_read(tmp_path, name, content, zipped):
    path = tmp_path / (f"{name}.gz" if zipped else name)
    path.write_bytes(gzip.compress(content.encode()) if zipped else content.encode())
    interactions = read_interactions(path)
    assert interactions.schema == SCHEMA
    assert interactions.select("user_id", "item_id", "split").rows() == [
        ("u", "i", "train"),
        ("u", "j", "valid"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "a,b\n1,2\n", "no column for the user_id and the item_id"),
        ("t.csv", "user_id,item_id\n", "no interactions"),
        ("t.csv", "", "cannot be read"),
        ("t.csv", "user_id,item_id,split\n1,2,later\n", "unknown split"),
        (
            "t.csv",
            "user_id,item_id\n1,éàü\n".encode() + b"1,caf\xe9\n",
            r"line 3 holds the byte 0xe9.*iconv -f WINDOWS-1252",
        ),
        (
            "t.csv",
            "user_id,item_id,rating\n1,2,good\n",
            "t.csv, line 2: the rating 'good' is no number; expected ratings to be numbers",
        ),
        (
            "t.tsv",
            'user_id\titem_id\trating\n"u\n1"\ti\t4\nu\ti\t\nu\ti\t4.5.1\n',
            "line 5: the rating '4.5.1' is no number",
        ),
        (
            "t.csv",
            "user_id,item_id,rating,time\nu,i,4,9\nu,j\n",
            r"t.csv: 1 row cannot be read: line 3 \(has 2 cells, the header 4\)",
        ),
        ("t.inter", 'userID\titemID\tx_label\nu"\ti\t0\nu\tj"\n', r"line 3 \(has 2 cells, the header 3\)"),
        ("t.csv", "user_id,item_id\nu,i\nu,j,k\n", r"line 3 \(has 3 cells, the header 2\).*Check quotes"),
        ("t.csv", "user_id,item_id\n1,\n", "1 row has no item_id, the first in line 2"),
        ("t.xls", "", "cannot be read as a spreadsheet"),
        ("t.parquet", "PAR1", "cannot be read"),
        ("t.csv.gz", "not gzip", "t.csv.gz"),
    ],
)
def test_a_file_that_holds_no_interactions_is_a_clear_error(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        read_interactions(tmp_path / name)


def test_empty_cells_at_the_end_of_a_row_are_no_fault(tmp_path):
    (tmp_path / "t.csv").write_text('user_id,item_id,time,rating\nu,i,,\nu,j, 7 ,nan\nu,"k",8, 4.5\n')
    found = read_interactions(tmp_path / "t.csv").select("item_id", "timestamp", "rating").rows()
    assert found == [("i", None, None), ("j", 7, None), ("k", 8, 4.5)]


def test_a_missing_file_and_items_outside_the_map_are_clear_errors(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_interactions(tmp_path / "no.csv")
    (tmp_path / "t.csv").write_text("user_id,item_id\nu,1\nu,2\n")
    (tmp_path / "map.csv").write_text("itemID,asin\n1,B1\n")
    with pytest.raises(InputError, match=r"1 items of .* such as 2"):
        read_interactions(tmp_path / "t.csv", item_map=tmp_path / "map.csv")


@pytest.mark.parametrize(
    "content", ["asin,itemID\nB1,1\nB2,2\n", "itemID\tasin\n1\tB1\n2\tB2\n", "itemID,x,asin\n1,y,B1\n2,,B2\n"]
)
def test_an_item_map_is_read_with_commas_or_tabs(tmp_path, content):
    (tmp_path / "t.csv").write_text("user_id,item_id\nu,2\nu,1\n")
    (tmp_path / "map.txt").write_text(content)
    mapped = read_interactions(tmp_path / "t.csv", item_map=tmp_path / "map.txt")
    assert mapped["item_id"].to_list() == ["B2", "B1"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("asin,number\nB1,1\n", "expected asin and itemID"),
        ("asin,itemID\nB1,1\nB2,1\n", "lists an itemID twice"),
        ("", "cannot be read"),
    ],
)
def test_an_item_map_that_is_none_is_a_clear_error(tmp_path, content, message):
    (tmp_path / "t.csv").write_text("user_id,item_id\nu,1\n")
    (tmp_path / "map.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        read_interactions(tmp_path / "t.csv", item_map=tmp_path / "map.csv")


def test_newlines_in_quoted_fields_stay_and_an_inter_file_has_no_quotes(tmp_path):
    (tmp_path / "t.csv").write_text('user_id,note,item_id\n"u\n1","a\nb",i\n')
    assert read_interactions(tmp_path / "t.csv").select("user_id", "item_id").rows() == [("u\n1", "i")]
    (tmp_path / "t.inter").write_text('userID\titemID\tx_label\nu"1\ti\t0\n')
    assert read_interactions(tmp_path / "t.inter")["user_id"].to_list() == ['u"1']


def test_typed_parquet_columns_become_the_formats_types(tmp_path):
    moment = datetime(2014, 7, 1, tzinfo=UTC)
    table = pl.DataFrame({"userID": [7], "asin": ["B1"], "overall": [4], "time": [moment], "x_label": [2]})
    table.write_parquet(tmp_path / "t.parquet")
    assert read_interactions(tmp_path / "t.parquet").rows() == [("7", "B1", 1404172800, 4.0, "test")]


def test_an_empty_text_is_no_id(tmp_path):
    pl.DataFrame({"user_id": ["u", ""], "item_id": ["i", "i"]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="1 row has no user_id"):
        read_interactions(tmp_path / "t.parquet")


_id = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=6).filter(
    lambda text: as_id(text) == text
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(_id, _id, st.integers(0, 2**36), st.sampled_from(["train", "valid", "test"])), min_size=1
    )
)
def test_what_is_written_as_csv_is_read_as_it_was(tmp_path, rows):
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(
            [("user_id", "item_id", "timestamp", "split"), *rows]
        )
    assert read_interactions(path).select("user_id", "item_id", "timestamp", "split").rows() == rows


def test_of_repeated_pairs_the_earliest_stays_in_its_place():
    interactions = frame([(1, 1), (2, 1), (1, 1), (1, 2)], times=[9, 5, 3, 1])
    assert deduplicate(interactions)["timestamp"].to_list() == [5, 3, 1]


@settings(deadline=None)
@given(pairs)
def test_deduplication_keeps_every_pair_once(rows):
    kept = deduplicate(frame(rows))
    assert sorted(kept.select("user_id", "item_id").rows()) == sorted({(str(u), str(i)) for u, i in rows})


def brute_force_core(rows, k):
    while True:
        users, items = Counter(u for u, _ in rows), Counter(i for _, i in rows)
        kept = {(u, i) for u, i in rows if users[u] >= k and items[i] >= k}
        if kept == rows:
            return rows
        rows = kept


@settings(deadline=None)
@given(pairs, st.integers(0, 4))
def test_the_k_core_is_the_fixed_point(rows, k):
    kept = k_core(deduplicate(frame(rows)), k)
    expected = brute_force_core({(str(u), str(i)) for u, i in rows}, k)
    assert set(kept.select("user_id", "item_id").rows()) == expected


@settings(deadline=None)
@given(
    pairs.filter(bool),
    st.sampled_from(["random", "leave-one-out", "global-time"]),
    st.integers(0, 5),
)
def test_a_split_loses_no_pair_and_depends_on_nothing_but_pairs_and_seed(rows, method, seed):
    times = [(u * 31 + i * 17) % 11 for u, i in rows]
    interactions = deduplicate(frame(rows, times))
    done = split(interactions, method, seed=seed)
    columns = ["user_id", "item_id", "timestamp"]
    assert done.select(columns).equals(interactions.select(columns).sort("user_id", "item_id"))
    assert set(done["split"].to_list()) <= {"train", "valid", "test"}
    assert split(interactions.reverse(), method, seed=seed).equals(done)


@settings(deadline=None)
@given(pairs, st.integers(1, 4))
def test_the_k_core_keeps_the_order_of_the_rows(rows, k):
    interactions = deduplicate(frame(rows, list(range(len(rows)))))
    assert k_core(interactions, k)["timestamp"].is_sorted()


@settings(deadline=None)
@given(st.lists(st.integers(1, 130), min_size=1, max_size=6), st.integers(0, 2**32))
def test_of_n_rows_the_random_split_holds_out_what_the_rule_says(lengths, seed):
    done = split(frame([(u, i) for u, n in enumerate(lengths) for i in range(n)]), "random", seed=seed)
    for user, n in enumerate(lengths):
        found = Counter(done.filter(pl.col("user_id") == str(user))["split"].to_list())
        held = 0 if n < 3 else 2 if n < 10 else n // 5
        assert (found["valid"], found["test"]) == (held // 2, held - held // 2)


def test_the_random_split_holds_out_every_row_about_as_often():
    interactions = frame([(u, i) for u in range(2000) for i in range(10)])
    done = split(interactions, "random", seed=5)
    for name in ("valid", "test"):
        counts = done.filter(pl.col("split") == name)["item_id"].value_counts()["count"]
        assert len(counts) == 10
        assert counts.is_between(140, 260).all()


@pytest.mark.parametrize(
    ("n", "valid", "test"),
    [(1, 0, 0), (2, 0, 0), (3, 1, 1), (9, 1, 1), (10, 1, 1), (15, 1, 2), (20, 2, 2), (29, 2, 3)],
)
def test_the_random_split_holds_out_what_the_field_holds_out(n, valid, test):
    counts = Counter(split(frame([(1, i) for i in range(n)]), "random", seed=1)["split"].to_list())
    assert (counts["valid"], counts["test"]) == (valid, test)


def test_another_seed_gives_another_random_split():
    interactions = frame([(u, i) for u in range(9) for i in range(9)])
    assert not split(interactions, "random", seed=0).equals(split(interactions, "random", seed=1))


def test_leave_one_out_tests_on_the_last_by_time():
    interactions = frame([(1, 4), (1, 3), (1, 2), (1, 1), (2, 1), (2, 2)], times=[1, 9, 8, 7, 1, 2])
    done = split(interactions, "leave-one-out").select("user_id", "item_id", "split").rows()
    assert done == [
        ("1", "1", "train"),
        ("1", "2", "valid"),
        ("1", "3", "test"),
        ("1", "4", "train"),
        ("2", "1", "train"),
        ("2", "2", "train"),
    ]


def test_of_equal_times_the_seed_draws_and_no_item_is_preferred(caplog):
    rows = [(user, item) for user in range(600) for item in range(6)]
    interactions = frame(rows, times=[1 if item < 2 else 7 for _, item in rows])
    done = split(interactions, "leave-one-out")
    for name in ("valid", "test"):
        counts = done.filter(pl.col("split") == name)["item_id"].value_counts()
        assert set(counts["item_id"]) == {"2", "3", "4", "5"}
        assert counts["count"].is_between(105, 195).all()  # 150 by chance
    assert split(interactions.reverse(), "leave-one-out").equals(done)
    assert not split(interactions, "leave-one-out", seed=1).equals(done)
    assert "600 of 600 users have equal times where the last rows are told apart (100.0 %)" in caplog.text


def test_only_ties_that_matter_are_counted(caplog):
    early = frame([(1, item) for item in range(5)], times=[1, 1, 1, 2, 3])
    split(early, "leave-one-out")
    assert not caplog.records
    split(frame([(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)], times=[1, 1, 2, 5, 5]), "leave-one-out")
    assert "1 of 1 users have equal times" in caplog.text


def test_day_resolution_times_prefer_no_item(shared_cases):
    folder = shared_cases / "leave-one-out-ties-by-id"
    done = split(deduplicate(read_interactions(folder / "days.csv")), "leave-one-out")
    number = pl.col("item_id").str.extract(r"(\d+)").cast(pl.Int64)
    means = dict(done.group_by("split").agg(number.mean()).rows())
    assert max(means.values()) - min(means.values()) < 25, means  # 330 in test and 228 in train by item id


def test_the_global_split_cuts_at_the_quantiles_of_time():
    done = split(frame([(1, i) for i in range(100, 200)], times=list(range(100))), "global-time")
    assert done.group_by("split").agg(pl.col("timestamp").min()).sort("timestamp")["split"].to_list() == [
        "train",
        "valid",
        "test",
    ]
    train, valid, test = (
        done.filter(pl.col("split") == name)["timestamp"] for name in ("train", "valid", "test")
    )
    assert train.max() < valid.min()
    assert valid.max() < test.min()


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (list(range(100)), None),
        ([n // 5 for n in range(100)], None),
        ([n // 10 for n in range(100)], "0.0 % of them are test and 10.0 % valid"),
        ([min(n, 86) if n < 96 else n for n in range(100)], "4.0 % of them are test and 15.0 % valid"),
        ([min(n, 84) if n < 94 else n for n in range(100)], None),
        ([0] * 95 + [1] * 5, "5.0 % of them are test and 0.0 % valid"),
    ],
)
def test_rows_of_one_time_stay_together_and_a_part_that_this_leaves_small_is_said(caplog, times, said):
    done = split(frame([(1, i) for i in range(100, 200)], times=times), "global-time")
    assert done.group_by("timestamp").agg(pl.col("split").n_unique())["split"].to_list() == [1] * len(
        set(times)
    )
    assert (said in caplog.text) if said else not caplog.text


def test_a_split_by_time_without_times_and_an_unknown_split_are_clear_errors():
    with pytest.raises(InputError, match="no timestamp"):
        split(frame([(1, 1)]), "global-time")
    with pytest.raises(UnknownName, match="did you mean random"):
        split(frame([(1, 1)]), "randon")


def test_interactions_survive_a_round_trip_with_the_formats_types(tmp_path):
    done = split(frame([(u, i) for u in range(3) for i in range(5)], times=list(range(15))), "leave-one-out")
    write_interactions(done, tmp_path / "interactions.parquet")
    assert pl.read_parquet(tmp_path / "interactions.parquet").schema == SCHEMA
    assert read_split(tmp_path / "interactions.parquet").equals(done)
    write_interactions(done, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "interactions.parquet").read_bytes()


def test_interactions_without_a_split_or_without_train_rows_are_clear_errors(tmp_path):
    write_interactions(frame([(1, 1)]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="no split"):
        read_split(tmp_path / "a.parquet")
    write_interactions(frame([(1, 1)]).with_columns(pl.lit("test").alias("split")), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="no train rows"):
        read_split(tmp_path / "b.parquet")


def test_no_train_row_is_of_a_cold_item_and_no_item_is_cold_in_two_splits():
    interactions = frame([(u, i) for u in range(30) for i in range(u % 3, 50, 3)])
    done = split(interactions, "cold-items:0.2", seed=4)
    items = {
        name: set(done.filter(pl.col("split") == name)["item_id"]) for name in ("train", "valid", "test")
    }
    assert {name: len(found) for name, found in items.items()} == {"train": 40, "valid": 5, "test": 5}
    assert (
        not items["train"] & items["valid"] | items["train"] & items["test"] | items["valid"] & items["test"]
    )
    assert done.drop("split").equals(interactions.sort("user_id", "item_id").drop("split"))
    assert split(interactions.reverse(), "cold-items:0.2", seed=4).equals(done)
    assert not split(interactions, "cold-items:0.2", seed=5).equals(done)


@pytest.mark.parametrize("share", ["", ":", ":0", ":1", ":x", ":nan"])
def test_a_share_of_cold_items_must_lie_between_0_and_1(share):
    with pytest.raises(InputError, match="expected a number between 0 and 1"):
        split(frame([(1, 1)]), f"cold-items{share}")


def test_too_few_items_for_cold_ones_are_an_error():
    with pytest.raises(InputError, match="makes 1 of 9 items cold, expected at least one for valid"):
        split(frame([(1, i) for i in range(9)]), "cold-items:0.2")


def test_an_unknown_split_is_told_with_those_there_are():
    with pytest.raises(UnknownName, match="cold-items:"):
        split(frame([(1, 1)]), "cold")


SECONDS = [1_600_000_000, 1_600_000_001, None, 1_700_000_000]
ISO = ["2020-09-13 12:26:40", "2020-09-13T12:26:41", None, "2023-11-14 22:13:20"]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (SECONDS, None),
        ([None if one is None else float(one) + 0.4 for one in SECONDS], None),
        ([None if one is None else one * 1_000 + 7 for one in SECONDS], "unix milliseconds"),
        ([None if one is None else one * 1_000_000 + 7 for one in SECONDS], "unix microseconds"),
        ([None if one is None else one * 1_000_000_000 + 7 for one in SECONDS], "unix nanoseconds"),
        ([None if one is None else one.replace("T", " ") for one in ISO], "ISO text"),
        ([None if one is None else one.replace(" ", "T") + "Z" for one in ISO], "ISO text"),
        (["2020-09-13 14:26:40", "2020-09-13 14:26:41", None], "ISO text"),
        ([datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC), datetime(2020, 9, 13, 12, 26, 41, tzinfo=UTC), None,
          datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("column", ["timestamp", "when", "date"])
def test_times_of_every_unit_become_unix_seconds(times, said, suffix, column, tmp_path, caplog):
    frame_of = pl.DataFrame(
        {"user_id": ["u"] * len(times), "item_id": [str(n) for n in range(len(times))], column: times}
    )
    path = tmp_path / f"t{suffix}"
    (frame_of.write_parquet if suffix == ".parquet" else frame_of.write_csv)(path)
    with caplog.at_level("INFO"):
        found = read_interactions(path)["timestamp"].to_list()
    hours = 7_200 if len(times) == 3 else 0
    assert found == [None if one is None else one + hours for one in SECONDS[: len(times)]]
    assert said is None or said in caplog.text


def test_days_become_their_first_second_and_what_is_no_time_is_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("user,item,date\nu,a,2020-09-13\nu,b,1970-01-02\n")
    assert read_interactions(path)["timestamp"].to_list() == [1_599_955_200, 86_400]
    path.write_text("user,item,date\nu,a,2020-09-13\nu,b,yesterday\n")
    with pytest.raises(
        InputError,
        match=r"t.csv, line 3: the time 'yesterday' is no time; expected unix seconds in every row, or ISO",
    ):
        read_interactions(path)


def test_pairs_that_repeat_are_counted_aloud(caplog):
    rows = frame([(u, i) for u in range(3) for i in range(3)])
    with caplog.at_level("INFO"):
        SplitOptions(k_core=0).apply(pl.concat([rows, rows.head(2)]))
    assert "2 of 11 rows repeat a pair of user and item, which counts once" in caplog.text
