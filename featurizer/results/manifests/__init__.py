"""What manifests say, typed: a file a kind of result."""
