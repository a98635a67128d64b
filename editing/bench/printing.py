"""Tables on a terminal, with all their figures."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

LEGEND = 100  # characters that a caption has at least, before it goes on in the next line


def show(table: Table) -> None:
    """Print a table as wide as it is.

    On a narrow terminal its lines break, and in a file they are long. Rich would cut the cells,
    0.945 to 0.… for example.
    """
    console = Console()
    needed = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    console.width = max(console.width, needed, LEGEND if table.caption else 0)
    console.print(table)
