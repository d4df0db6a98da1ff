"""Catalogs: source adapters, the text recipe, picture download, and the store on disk."""
