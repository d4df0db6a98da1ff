"""The losses, one a file: BPR, L2, CCA, UIA, REG."""
