"""What a result depends on besides the code: the machine and the versions."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import numpy as np
import sklearn
import torch

import lofe_sklearn


def describe() -> dict[str, str]:
    """One flat row of facts about this machine and these versions."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    return {
        "processor": processor,
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "",
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "lofe-sklearn": lofe_sklearn.__version__,
    }
