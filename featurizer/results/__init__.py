"""Finished work on disk: fingerprints, atomic files, manifests."""
