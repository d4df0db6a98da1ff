from featurizer.results.identity import identity


def test_what_is_no_part_of_a_result_does_not_change_what_a_folder_is(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("a")
    before = identity(tmp_path, inside=True)
    (tmp_path / ".featurizer").mkdir()
    (tmp_path / ".featurizer" / "train.json").touch()
    (tmp_path / "data" / ".featurizer.lock").touch()
    (tmp_path / "data" / ".a.csv.1-00000000000000.partial").touch()
    assert identity(tmp_path, inside=True) == before
    (tmp_path / "data" / "a.csv").write_text("b")
    assert identity(tmp_path, inside=True) != before
