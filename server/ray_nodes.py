"""The machines of a Ray cluster as one line of JSON, for `limn doctor`.

python -m limn.server.ray_nodes ADDRESS        fails where there is no cluster
"""

from __future__ import annotations

import json
import sys

from .engine import EngineError
from .ray_engine import connected


def main() -> None:
    """Print them; ends with 1 where no cluster answers."""
    try:
        ray = connected(sys.argv[1])
    except EngineError as error:
        raise SystemExit(str(error)) from error
    nodes = [
        {
            "address": node["NodeManagerAddress"],
            "alive": node["Alive"],
            "cpus": node["Resources"].get("CPU", 0.0),
            "gpus": node["Resources"].get("GPU", 0.0),
        }
        for node in ray.nodes()
    ]
    print(json.dumps(nodes))


if __name__ == "__main__":
    main()
