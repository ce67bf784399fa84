"""Where a run was made: device, versions, processor and date."""

from __future__ import annotations

import datetime
import platform
import sys


def describe_environment(device: str = "cpu") -> dict[str, str]:
    """Versions, processor and date of a run; ``device`` is ``cpu`` or the GPU's name as a folder name."""
    import numpy
    import torch

    name = torch.cuda.get_device_name() if device.startswith("cuda") else "cpu"
    return {
        "date": datetime.date.today().isoformat(),
        "device": name.lower().replace(" ", "-"),
        "machine": platform.machine(),
        "numpy": numpy.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "system": platform.system(),
        "torch": str(torch.__version__),
    }
