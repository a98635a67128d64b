"""The papers' data sets, each in its own layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from limn.editing.bench import paper_figures
from limn.editing.bench.paper_sets import READERS, DataError, Files, Sample, run_lengths
from limn.editing.bench.paper_tables import EVALUATIONS

from .small_sets import WRITERS, save, save_mask, write_editing_mask


def read(name: str, folder: Path) -> list[Sample]:
    WRITERS[name](folder)
    return list(READERS[name](folder))


def test_every_evaluation_has_a_reader_and_columns_that_can_be_filled() -> None:
    assert set(READERS) == set(EVALUATIONS) == set(WRITERS)
    for evaluation in EVALUATIONS.values():
        assert set(evaluation.columns) <= {*paper_figures.FIGURES, "iou", "seconds", "ratio", "fid"}
        assert all(len(row) == len(evaluation.columns) for row in evaluation.printed.values())


def test_texts_and_pictures_of_each_layout(tmp_path: Path) -> None:
    found = {}
    for name in WRITERS:
        (tmp_path / name).mkdir()
        found[name] = read(name, tmp_path / name)
    assert [
        (s.words.source, s.words.target, s.picture is None) for s in found["instructpix2pix"]
    ] == [
        ("a red star", "a blue star", False),
        ("a red star", "a blue star", True),
    ]
    assert [
        (s.name, s.picture.name if s.picture else "", s.group) for s in found["foi-single"]
    ] == [("0000002", "123_0.jpg", "star")]
    assert (
        found["foi-multi"][0].words.instruction == "make the star blue, remove the cat"
        and found["foi-multi"][0].group == "2"
    )
    first, second = found["editing-mask"]
    assert (first.words.source, first.words.target) == (
        "A red star on a cat",
        "a blue star on a cat",
    )
    assert (second.words.source, second.words.target, second.name) == (
        "a cat",
        "a dog",
        "ILSVRC2012_val_00028602",
    )
    assert all(s.mask is not None and int(s.mask.sum()) == 256 for s in (first, second))
    assert (
        found["imagen"][0].words.target == "A cat with a blue star"
        and found["imagen"][0].mask is None
    )
    assert found["imagenet"][0].words.told("instdiffedit") == "a cat => a dog"
    assert (
        found["tedbench"][0].words.target == "A sitting dog"
        and found["tedbench"][0].words.source == ""
    )
    pie = found["pie-bench"][0]
    assert (pie.words.source, pie.words.target, pie.group) == ("a red star", "a blue star", "6")
    assert pie.load().shape == (1, 3, 64, 64)


def test_run_lengths_cover_their_pixels_and_the_border() -> None:
    mask = run_lengths([2 * 8 + 3, 2, 60, 100], side=8)[0, 0]
    assert float(mask[2, 3]) == 1 == float(mask[2, 4]) and float(mask[2, 5]) == 0
    assert int(mask.sum()) == 28 + 2 and bool(mask[0].all()) and bool(mask[:, -1].all())


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_holds_something_else_is_told_what_it_lacks(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="lacks"):
        list(READERS[name](tmp_path))


def test_missing_pictures_masks_and_fields_are_named(tmp_path: Path) -> None:
    write_editing_mask(tmp_path)
    (tmp_path / "mask" / "7.png").unlink()
    with pytest.raises(DataError, match="no mask of '7'"):
        list(READERS["editing-mask"](tmp_path))
    (tmp_path / "image" / "7.jpg").unlink()
    with pytest.raises(DataError, match="no picture '7'"):
        list(READERS["editing-mask"](tmp_path))
    (tmp_path / "Imagen_list.txt").write_text("1 <> only two\n")
    with pytest.raises(DataError, match="2 fields"):
        list(READERS["imagen"](tmp_path))


def test_masks_are_told_from_pictures_by_their_names(tmp_path: Path) -> None:
    save(tmp_path / "Images" / "3.jpg")
    save_mask(tmp_path / "Images" / "3_mask.png")
    files = Files(tmp_path)
    assert files.picture("3").name == "3.jpg" and files.mask("3") is not None


# ---------------------------------------------------------------- instruments, tiny
