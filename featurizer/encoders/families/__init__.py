"""The shipped encoder families: one folder a library."""
