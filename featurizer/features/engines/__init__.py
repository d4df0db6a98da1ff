"""Who makes the shards of a feature set: this process, or actors of a Ray cluster."""
