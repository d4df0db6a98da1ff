"""Whole manifests of models that were never trained, for what reads them."""

from featurizer.results.files import fingerprint

ACCURACY = {
    "side": "text",
    "items": 1288,
    "majority": 0.047,
    "present": 0.301,
    "present_low": 0.28,
    "present_high": 0.32,
    "absent": 0.151,
    "absent_low": 0.13,
    "absent_high": 0.17,
    "gain": 0.15,
    "gain_low": 0.127,
    "gain_high": 0.176,
}


def alignment_manifest(config=None, **changes):
    """Return what `pretrain-ica` writes, with these changes."""
    config = {"options": {"objective": {}}} if config is None else config
    return {
        "format_version": 1,
        "featurizer_version": "0.1.0",
        "model_type": "ica",
        "train_items": 9,
        "valid_items": 1,
        "epochs": 3,
        "best_epoch": 2,
        "valid_loss": 1.5,
        "masked_accuracy": [ACCURACY],
        "probe": [{"tokens": "image", "accuracy": 0.2, "majority": 0.003, "count": 9}],
        "source": {"name": "shop", "license": "MIT"},
        "fingerprint": fingerprint(config),
        "config": config,
        **changes,
    }


def recommender_manifest(config=None, **changes):
    """Return what `train` writes, with these changes."""
    config = {"model": {"name": "alignrec"}} if config is None else config
    figures = {"valid": {"recall@20": 0.25}, "test": {"recall@20": 0.5}}
    return {
        "format_version": 1,
        "featurizer_version": "0.1.0",
        "model": "alignrec",
        "seed": 0,
        "best_epoch": 2,
        "epochs": 3,
        "seconds": 7.25,
        **figures,
        "seeds": [{"seed": 0, "best_epoch": 2, "epochs": 3, **figures}],
        "over_seeds": {
            split: {name: {"mean": value, "sd": None} for name, value in values.items()}
            for split, values in figures.items()
        },
        "groups": [{"name": "all", "users": 9, "positives": 12, "recall": 0.5}],
        "data": {"users": 9, "items": 12},
        "versions": {"torch": "2.6"},
        "fingerprint": fingerprint(config),
        "config": config,
        **changes,
    }
