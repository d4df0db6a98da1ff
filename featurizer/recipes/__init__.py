"""Recipes: a whole pipeline in one YAML file, planned, run and resumed."""
