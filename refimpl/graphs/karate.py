"""Zachary's karate club: who met whom outside the club, 34 members and 78 pairs.

Source
    Zachary, "An Information Flow Model for Conflict and Fission in Small Groups", Journal of
    Anthropological Research 33, 1977, figure 3; members counted from 0, the instructor 0 and the officer 33.

The four communities are the partition of largest modularity, 0.4198 (Brandes et al., "On Modularity Clustering",
IEEE Transactions on Knowledge and Data Engineering 20, 2008, find the optimum).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["karate_club"]

NEIGHBORS = {  # each pair once, under its smaller member
    0: (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31),
    1: (2, 3, 7, 13, 17, 19, 21, 30),
    2: (3, 7, 8, 9, 13, 27, 28, 32),
    3: (7, 12, 13),
    4: (6, 10),
    5: (6, 10, 16),
    6: (16,),
    8: (30, 32, 33),
    9: (33,),
    13: (33,),
    14: (32, 33),
    15: (32, 33),
    18: (32, 33),
    19: (33,),
    20: (32, 33),
    22: (32, 33),
    23: (25, 27, 29, 32, 33),
    24: (25, 27, 31),
    25: (31,),
    26: (29, 33),
    27: (33,),
    28: (31, 33),
    29: (32, 33),
    30: (32, 33),
    31: (32, 33),
    32: (33,),
}
COMMUNITIES = "0000111022100022102020233323322322"


def karate_club(device: torch.device | str | None = None) -> tuple[Tensor, Tensor]:
    """Edges in both directions, ``(2, 156)``, and each member's community, 0 to 3, ``(34,)``."""
    pairs = torch.tensor([(a, b) for a, others in NEIGHBORS.items() for b in others], device=device).T
    return torch.cat([pairs, pairs.flip(0)], 1), torch.tensor([int(c) for c in COMMUNITIES], device=device)
