"""What every demonstration shares: its two options and its seed."""

from __future__ import annotations

import argparse

import torch


def arguments(description: str | None) -> torch.device:
    """Read ``--device`` and ``--seed``, seed PyTorch, make the device the default, and return it."""
    parser = argparse.ArgumentParser(description=(description or "").strip().split("\n")[0])
    parser.add_argument("--device", default="cpu", help="where to run: cpu (default) or cuda")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: no CUDA device is available; use --device cpu")
    torch.set_default_device(device)
    torch.manual_seed(options.seed)
    return device
