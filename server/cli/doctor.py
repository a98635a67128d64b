"""`limn doctor`: the findings of doctor.py, on a terminal or as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from .exits import DONE, FAILED

SIGNS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[bold red]wrong[/]"}


def doctor(
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object, for programs and for reports of trouble."),
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PLACE", help="Look at this model instead of the one in the settings."
        ),
    ] = None,
    try_it: Annotated[
        bool,
        typer.Option(
            "--try",
            help="Run the model too: does it give what the stock pipelines give, where do nouns "
            "localise, what does each algorithm take. About a minute.",
        ),
    ] = False,
) -> None:
    """Tell what is installed, what is wrong, and what to do.

    Changes nothing; ends with 1 if something is wrong.

    Example:  limn doctor --model dreamshaper_8.safetensors --try
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # its own words are no findings
    from .examine import examine

    findings = examine(model)
    if try_it:
        from .try_model import findings_of

        findings += findings_of(model)
    problems = [finding for finding in findings if finding.state == "problem"]
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "healthy": not problems,
                    "findings": [dataclasses.asdict(finding) for finding in findings],
                },
                indent=1,
            )
        )
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(
                f"{SIGNS[finding.state]:<18} [bold]{escape(finding.topic)}[/]: "
                f"{escape(finding.sentence)}"
            )
            if finding.remedy:
                console.print(f"      {escape(finding.remedy)}")
        console.print(
            "Nothing is wrong."
            if not problems
            else f"{len(problems)} thing{'s' * (len(problems) > 1)} to put right."
        )
    raise typer.Exit(FAILED if problems else DONE)
