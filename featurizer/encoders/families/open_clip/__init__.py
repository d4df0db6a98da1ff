"""Models of open_clip: one space of pictures, one of texts."""
