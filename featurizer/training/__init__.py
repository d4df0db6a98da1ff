"""What every training shares: checkpoints, the processes that train together, tracking."""
