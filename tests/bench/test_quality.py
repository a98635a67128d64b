"""The quality benchmark, run for real on the tiny model.

Records, pictures, sheet, resuming, refusals.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer
from click.testing import Result
from PIL import Image
from typer.testing import CliRunner

from limn.editing import ALGORITHMS, sketchbook
from limn.editing.bench import auto, claims, methods, quality, quality_cases
from limn.editing.bench.methods import Words, changes
from limn.editing.bench.quality_cases import Case
from limn.editing.language.instruction import parse
from limn.editing.language.prompts import captions
from limn.editing.request import resolve
from limn.editing.sketchbook.edits import TYPES, edit
from limn.editing.sketchbook.judge import Judge, new_judge
from limn.editing.sketchbook.verdict import hole_is_empty

from .test_records import read

FEW = {name: {"steps": 2} for name in ("sdedit", "p2p", "diffedit", "ip2p", "foi")}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps a method; a judge that nobody trained, so that no weights are needed."""
    monkeypatch.setattr(methods, "settings", lambda name, _: FEW.get(name, {}))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = new_judge().eval()
    judge = Judge(parts["things"], parts["places"], parts["towers"])  # type: ignore[arg-type]
    monkeypatch.setattr(quality_cases, "load_judge", lambda: judge)


def bench(tiny_model: Path, out: Path, *more: str) -> Result:
    arguments = [
        "--out",
        str(out),
        "--model",
        str(tiny_model),
        "--jobs",
        "1",
        "--cases",
        "1",
        "--types",
        "recolour,remove",
        *more,
    ]
    return CliRunner().invoke(quality.app, arguments)


def test_it_writes_a_record_for_each_case_and_method_and_a_sheet(
    tiny_model: Path, tmp_path: Path
) -> None:
    result = bench(tiny_model, tmp_path, "--methods", "foi,sdedit,diffedit")
    assert result.exit_code == 0, result.output
    records = read(tmp_path / "quality.jsonl")
    assert {(r["type"], r["method"]) for r in records} == {
        (t, m) for t in ("recolour", "remove") for m in ("foi", "sdedit", "diffedit")
    }
    for r in records:
        assert r["seed"] == 1_000_000 and r["rows"] > 0 and r["seconds"] > 0 and r["processor"] > 0
        assert (
            0 <= r["psnr"] <= 60
            and 0 <= r["c_non"] <= 1
            and -1 <= r["direction"] <= 1
            and r["towers_distance"] >= 0
            and 0 < r["psnr_raw"] <= 60
            and 0 < r["psnr_decoded"] <= 60
        )
        assert (
            isinstance(r["success"], bool)
            and isinstance(r["kept"], bool)
            and r["success"] == all(r["asked"])
        )
        assert (r["iou"] is None) == (r["method"] == "sdedit")
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.width > 5 * 128 and sheet.height > 2 * 128
    assert "diffedit" in result.output and "asked / kept" in result.output


@pytest.mark.parametrize("things", [0, 1, 2])
def test_only_pictures_of_so_many_things(things: int) -> None:
    seeds = quality.seeds_of("replace", 1_000_000, 5, things)
    counts = [len(edit(seed, "replace").before.things) for seed in seeds]
    assert len(set(seeds)) == 5 and min(seeds) >= 1_000_000
    assert (set(counts) == {things}) if things else (seeds == list(range(1_000_000, 1_000_005)))
    with pytest.raises(typer.BadParameter, match="4 things"):
        quality.seeds_of("replace", 1_000_000, 2, 4)


def test_an_interrupted_run_goes_on_where_it_stopped(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = quality_cases.record_of
    calls: list[str] = []

    def interrupted(models: object, judge: object, work: quality_cases.Work) -> object:
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(work.stem)
        return carry_out(models, judge, work)  # type: ignore[arg-type]

    monkeypatch.setattr(quality_cases, "record_of", interrupted)
    assert bench(tiny_model, tmp_path, "--methods", "sdedit,diffedit").exit_code != 0
    first = read(tmp_path / "quality.jsonl")
    assert len(first) == 2
    monkeypatch.setattr(
        quality_cases, "record_of", lambda *a: calls.append(a[2].stem) or carry_out(*a)
    )
    assert bench(tiny_model, tmp_path, "--methods", "sdedit,diffedit").exit_code == 0
    assert len(calls) == 4 == len(set(calls))
    assert read(tmp_path / "quality.jsonl")[:2] == first


def test_a_folder_of_another_run_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    assert bench(tiny_model, tmp_path, "--methods", "sdedit").exit_code == 0
    result = bench(tiny_model, tmp_path, "--methods", "sdedit", "--preset", "paper")
    assert result.exit_code == 2 and "another folder" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--types", "recolor"), "no type"),
        (("--methods", "magic"), "no method"),
        (("--preset", "best"), "no preset"),
    ],
)
def test_wrong_names_are_answered_with_the_right_ones(
    tiny_model: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = bench(tiny_model, tmp_path, *arguments)
    assert result.exit_code == 2 and words in result.output


def test_a_refusal_is_a_record_too(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Words, "told", lambda self, method: "star => star")
    assert bench(tiny_model, tmp_path, "--methods", "diffedit").exit_code == 0
    records = read(tmp_path / "quality.jsonl")
    assert all(r["success"] is False and r["refusal"] for r in records)


@pytest.mark.parametrize("type", TYPES)
def test_methods_that_compare_texts_get_the_exact_captions(type: str) -> None:
    """The scene's own captions come through the instruction box unchanged.

    But for the articles that it mends.
    """
    for seed in range(1_000_000, 1_000_012):
        words = Case.of(type, seed).words
        if words.source == words.target:
            continue
        read = captions(parse(words.told("p2p"), words.source))
        assert read.source == words.source
        assert read.target.replace(" an ", " a ") == words.target.replace(" an ", " a ")


def test_words_that_a_data_set_lacks() -> None:
    assert Words("make it red", "a star", "a red star").told("foi") == "make it red"
    assert Words("make it red", "a star", "a red star").told("tas") == "a star => a red star"
    assert Words("", "", "a sitting dog").told("tas") == f"{methods.UNKNOWN} => a sitting dog"
    assert captions(parse(Words("", "", "a sitting dog").told("tas"))).target == "a sitting dog"
    assert Words("make it red", "", "").told("tas") == "make it red"


def test_every_preset_names_parameters_that_exist() -> None:
    for algorithm in ALGORITHMS.values():
        named = set(algorithm.presets)
        assert {"quick", "fast", "paper"} <= named <= set(methods.PRESETS), algorithm.name
        for parameters in algorithm.presets.values():
            resolve(algorithm.settings, {}, parameters)


def test_a_model_has_no_say_in_the_papers_settings() -> None:
    """But for which way round its start token looks, a fact about its weights."""
    own = json.loads((sketchbook.folder() / "instruction/limn.json").read_text())["defaults"]
    for name, defaults in own.items():
        algorithm = ALGORITHMS[name]
        kept = {key: value for key, value in defaults.items() if key == "start_map"}
        given = algorithm.presets["paper"]
        with_model = resolve(algorithm.settings, defaults, given)
        assert with_model == resolve(algorithm.settings, kept, given), name
        assert resolve(algorithm.settings, defaults, {}) != with_model


def test_one_process_a_core_and_one_on_a_gpu() -> None:
    """For `bench auto` and `claims`, too: they start theirs here."""
    assert quality.processes(0, "cpu") == quality.cores() >= 1
    assert quality.processes(0, "cuda") == quality.processes(0, "cuda:1") == 1
    assert quality.processes(3, "cuda") == quality.processes(3, "cpu") == 3
    assert auto.processes is quality.processes
    assert claims.in_settings is quality.in_settings


def test_it_hangs_in_the_command_line() -> None:
    from limn.server.cli import bench as cli_bench

    assert {"quality", "paper"} <= set(cli_bench.find_benches())
    assert isinstance(quality.app, typer.Typer)


def test_parameters_are_changed_by_method_and_name() -> None:
    changed = changes(["p2p.guidance=1.5", "foi.edges=grid", "tas.save_memory=true", "foi.steps=4"])
    assert changed["p2p"] == {"guidance": 1.5}
    assert changed["foi"] == {"edges": "grid", "steps": 4}
    assert changed["tas"] == {"save_memory": True}


@pytest.mark.parametrize(
    "entry",
    [
        "p2p.guidance",
        "guidance=1",
        "nobody.steps=3",
        "foi.colour=red",
        "foi.edges=round",
        "foi.steps=many",
        "foi.steps=2.5",
        "foi.tau=7",
        "tas.save_memory=maybe",
    ],
)
def test_what_cannot_be_changed_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        changes([entry])


def test_another_thing_in_the_hole_is_no_removal() -> None:
    """Also one that is nearer to the background than the removed thing was."""
    case = Case.of("remove", 1000003)
    hole = case.exact > 0.5
    faint = torch.where(hole, 0.8 * case.after + 0.2 * (1 - case.after).round(), case.after)
    assert hole_is_empty(case.shown, 0, case.after)
    assert hole_is_empty(case.shown, 0, (case.after + 0.03).clamp(0, 1))
    assert not hole_is_empty(case.shown, 0, case.before)
    assert not hole_is_empty(case.shown, 0, faint)
