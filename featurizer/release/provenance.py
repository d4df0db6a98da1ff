"""Where vectors come from, in W3C's words (PROV-O), as Croissant 1.1 takes them: what was used, by what, from what."""

from __future__ import annotations

from featurizer.features.feature_set import FeatureSet
from featurizer.records import Json
from featurizer.results.manifests.feature_set import SpaceProvenance

PROV = "http://www.w3.org/ns/prov#"
"""What the prefix `prov` stands for in a document's context."""


def of_set(feature_set: FeatureSet) -> dict[str, Json]:
    """Return what a whole set was derived from, and what made it."""
    manifest = feature_set.manifest
    by = f"featurizer {manifest.featurizer_version}"
    made: dict[str, Json] = {
        "@type": "prov:Activity",
        "prov:label": "featurizer extract" if manifest.requests else "vectors brought by hand",
        "prov:wasAssociatedWith": {"@type": "prov:SoftwareAgent", "prov:label": by},
    }
    known: dict[str, Json] = {"prov:wasGeneratedBy": made}
    source = manifest.source
    name = (source.name or source.title) if source is not None else None
    content = (manifest.catalog or {}).get("data_sha256")
    if name or content:
        entity: dict[str, Json] = {"@type": "prov:Entity", "prov:label": name or "catalog"}
        if content:
            entity["@id"] = f"urn:sha256:{content}"
        if source is not None and source.homepage:
            entity["prov:atLocation"] = source.homepage
        known["prov:wasDerivedFrom"] = entity
    return known


def of_space(spec: SpaceProvenance) -> dict[str, Json]:
    """Return what made one space: the model by its weights, and the interactions that taught it."""
    named = f"{spec.family}:{spec.model}" if spec.family and spec.model else spec.encoder
    model: dict[str, Json] = {
        "@type": "prov:Entity",
        "prov:label": named + (f"@{spec.revision}" if spec.revision else ""),
    }
    if spec.weight_hash:
        model["@id"] = f"urn:sha256:{spec.weight_hash}"
    used: list[Json] = [model]
    if spec.supervised is not None:
        used.append(
            {
                "@type": "prov:Entity",
                "@id": f"urn:sha256:{spec.supervised.interactions}",
                "prov:label": f"interactions of {spec.supervised.items} items",
            }
        )
    label = f"encoding of {spec.modality if spec.modality != 'both' else 'image and text'}"
    return {"prov:wasGeneratedBy": {"@type": "prov:Activity", "prov:label": label, "prov:used": used}}
