"""Feature sets in the files of other programs, and back."""
