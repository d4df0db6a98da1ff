"""Feature sets: the engine that makes them, their shards on disk, and what looks inside."""
