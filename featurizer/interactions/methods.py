"""How interactions may be split; read by the command line, so nothing heavy is imported."""

from __future__ import annotations

from typing import Literal, TypeAlias

SplitMethod: TypeAlias = Literal["random", "leave-one-out", "global-time"]
"""`random`: MMRec's; `leave-one-out`: by time, each user's last two; `global-time`: by two moments for all."""
