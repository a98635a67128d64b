"""`limn bench NAME`: runs a benchmark of editing/bench.

No other benchmark is imported. A module there becomes a benchmark by having `app`, a Typer
application with its options; its docstring's first line is its help.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import typer

BENCHES = Path(__file__).resolve().parents[2] / "editing" / "bench"

app = typer.Typer(help="Measure quality and speed. Figures, not tests.", no_args_is_help=True)


def find_benches(folder: Path = BENCHES) -> dict[str, str]:
    """The benchmarks: name -> first line of the module's docstring.

    They are the modules in the folder that have an `app`. Nothing is imported.
    """
    found = {}
    for file in sorted(folder.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        targets = [
            target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
        ]
        if any(isinstance(target, ast.Name) and target.id == "app" for target in targets):
            found[file.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def add_bench(name: str, summary: str) -> None:
    """Makes `limn bench NAME` run editing.bench.NAME.app.

    With all arguments that follow.
    """

    def run(context: typer.Context) -> None:
        bench = importlib.import_module(f"limn.editing.bench.{name}")
        status = bench.app(args=context.args, prog_name=f"limn bench {name}", standalone_mode=False)
        raise typer.Exit(status if isinstance(status, int) else 0)

    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(
        name.replace("_", "-"), help=summary, add_help_option=False, context_settings=settings
    )(run)


for _name, _summary in find_benches().items():
    add_bench(_name, _summary)
