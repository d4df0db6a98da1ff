"""Recommenders on top of item features: graphs, AlignRec's second stage, baselines, the trainer."""
