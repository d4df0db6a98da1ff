"""Releases: the dataset card."""
