"""Encoders: frozen vision and text models behind one small Protocol, one folder a family."""
