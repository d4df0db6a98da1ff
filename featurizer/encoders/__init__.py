"""Encoders: frozen vision and text models behind one small Protocol, one family a file."""
