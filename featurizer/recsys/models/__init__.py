"""The recommenders: one file a model."""
