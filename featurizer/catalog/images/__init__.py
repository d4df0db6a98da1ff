"""Pictures from the web and from disk: fetched side by side, checked by decoding, each failure named."""

from featurizer.catalog.images.fetcher import ImageFetcher
from featurizer.catalog.images.options import FetchOptions

__all__ = ["FetchOptions", "ImageFetcher"]
