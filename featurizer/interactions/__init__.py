"""Interactions: read what users did, keep the k-core, split it into train, valid and test."""
