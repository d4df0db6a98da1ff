"""Full ranking in blocks, its metrics per user, and what their means are worth."""
