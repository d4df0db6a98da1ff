"""Make, judge and publish multimodal item features for recommendation."""

__version__ = "0.1.0"
