"""Anybody's tables: what they are, how they are written, and what their columns mean."""
