"""Which features are worth publishing: zero-shot, item-CF, masks, training and diagnostics on one leaderboard."""
