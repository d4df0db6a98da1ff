"""What of the texts an encoder did not read: counted while they are encoded, told wherever a set is shown."""

from __future__ import annotations

from collections.abc import Iterator

from featurizer.features.feature_set import FeatureSet

OTHERS = "featurizer encoders --language CODE lists those that read a language"


def text_losses(feature_set: FeatureSet) -> Iterator[str]:
    """Yield a sentence for each space whose encoder cut texts or did not know many of their tokens.

    Nothing is said of a space whose encoder counts neither.
    """
    texts = feature_set.manifest.with_text
    for name, spec in feature_set.spaces.items():
        limit = spec.preprocessing.get("token_limit")
        ends = f"its {limit} tokens" if limit else "its encoders read"
        parts = (
            (spec.texts_cut, f"are longer than {ends}, and what comes after is not read"),
            (spec.texts_unknown, f"are for a quarter or more of tokens that it does not know ({OTHERS})"),
        )
        told = [
            f"{count:,} of {texts:,} texts ({count / texts:.1%}) {what}" for count, what in parts if count
        ]
        if told:
            yield f"{name}: {'; '.join(told)}"
