"""The trial of a model: the bundled one, and a tiny one of SD's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from limn.editing import load_models, sketchbook
from limn.editing.bench.trial import costs, stock
from limn.editing.bench.trial.costs import Cost, cost, peak_of
from limn.editing.bench.trial.nouns import Localised, localise
from limn.editing.bench.trial.pictures import pictures
from limn.editing.bench.trial.run import Lost, trial
from limn.editing.bench.trial.stock import Compared, compare
from limn.editing.diffusion import planning
from limn.editing.methods.table import ALGORITHMS
from limn.server.cli.try_model import findings_of


def test_the_bundled_model_finds_nouns_where_its_notes_say(
    record_property: pytest.RecordProperty,
) -> None:
    model = load_models(sketchbook.folder()).get("text-to-image")
    found = localise(model, pictures(model.native_size))
    record_property("IoU by level", found.by_level)
    assert found.best == found.used and not found.says_nothing
    assert found.by_level[found.used] > 0.7 > 5 * found.chance


def test_masks_are_where_the_things_were_drawn() -> None:
    """Inside a mask is the thing's colour, and two masks do not meet."""
    for picture in pictures(64):
        first, second = picture.masks.values()
        assert not bool((first & second).any()) and 0.03 < float(first.float().mean()) < 0.2
        assert all(noun in picture.caption for noun in picture.masks)
    red = pictures(64)[0].image[0][:, pictures(64)[0].masks["star"]].mean(dim=1)
    assert red[0] > 2 * red[1] and red[0] > 2 * red[2]


@pytest.mark.parametrize("variant", ["text-to-image", "inpainting", "instruction"])
def test_the_loop_beside_the_stock_pipelines(
    tiny_model: Path, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal, and its attention is Limn's again; other guidance is told apart."""
    model = load_models(tiny_model).get(variant)
    held = dict(model.unet.attn_processors)
    picture = pictures(64)[0]
    assert compare(model, picture).equal
    assert dict(model.unet.attn_processors) == held
    ours = stock.guidance if variant == "instruction" else stock.classifier_free
    name = ours.__name__
    monkeypatch.setattr(stock, name, lambda *given: 1.2 * ours(*given))
    assert not compare(model, picture).equal


def test_everything_of_a_tiny_model(tiny_model: Path) -> None:
    results = list(trial(load_models(tiny_model)))
    (nouns,) = [one for one in results if isinstance(one, Localised)]
    assert nouns.says_nothing  # its weights are random
    loops = [one for one in results if isinstance(one, Compared)]
    assert {one.variant for one in loops} == {"text-to-image", "inpainting", "instruction"}
    assert all(one.equal for one in loops)
    spent = {one.algorithm: one for one in results if isinstance(one, Cost)}
    assert set(spent) == {"foi", "instdiffedit", "adapedit", "tas"}
    for one in spent.values():
        assert not one.trouble and one.rows > 5 and one.whole > one.seconds > 0
        assert one.peak > 50e6 and one.forecast is not None and one.forecast.fits


def test_a_model_of_one_variant_says_what_it_lacks(tiny_model: Path) -> None:
    told = findings_of(tiny_model / "instruction")
    assert any(f.topic == "FoI" and "seconds" in f.facts for f in told)
    lost = [f.sentence for f in told if f.topic == "trial"]
    assert len(lost) == 3 and all("it needs" in sentence for sentence in lost)
    assert all(f.state == "ok" or f.remedy for f in told)


def test_a_slow_machine_is_tried_at_smaller_sizes(tiny_model: Path) -> None:
    at_once = list(trial(load_models(tiny_model / "instruction"), 1e-9))
    (spent,) = [one for one in at_once if isinstance(one, Cost)]
    assert spent.side == 64  # the least
    assert [one.part for one in at_once if isinstance(one, Lost)]


def test_what_will_not_fit_is_said(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning.room, "free", lambda device: 1000)
    told = {f.topic: f for f in findings_of(tiny_model / "instruction")}
    assert told["FoI"].state == "note"
    assert "will not fit" in told["FoI"].sentence and "close other" in told["FoI"].remedy


def test_half_and_quarter_sizes_are_reckoned_up(tiny_model: Path) -> None:
    spent = cost(load_models(tiny_model), ALGORITHMS["foi"], 32)
    assert spent.side == 32 and spent.whole > 4 * spent.seconds


def test_the_peak_is_that_of_the_block() -> None:
    before = costs.psutil.Process().memory_info().rss
    with peak_of(torch.device("cpu")) as peak:
        held = torch.ones(64 * 2**20 // 4)
        import time

        time.sleep(0.05)
    assert peak.bytes - before > 50 * 2**20 and held.numel()
