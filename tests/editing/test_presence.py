"""What is not in the picture is said to be not there.

What changed nothing is said, too.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch

from limn.editing import EditError, EditRequest, Models, edit, load_models, presence, visible
from limn.editing.bench.quality_cases import Case
from limn.editing.diffusion import masks
from limn.editing.events import Done
from limn.editing.language.instruction import parse
from limn.editing.sketchbook import folder, scenes
from limn.editing.sketchbook.verdict import to_tensor


@pytest.fixture(scope="module")
def bundled() -> Models:
    return load_models(folder())


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("remove the star", "star"),
        ("replace the box with a cat", "box"),
        ("remove everything except the tree", "tree"),
        ("add a cat", ""),
        ("make the background green", ""),
        ("make it blue", ""),
        ("star to moon", "star"),
        ("the star turns into a moon", "star"),
        ("the star becomes blue", "star"),
        ("delete all stars", "stars"),
        ("a cat on a mat", ""),
        ("red -> blue", ""),
    ],
)
def test_only_what_must_be_there_is_looked_for(sentence: str, word: str) -> None:
    assert presence.looked_for(parse(sentence).items[0]) == word


def test_scores_tell_what_is_there(bundled: Models) -> None:
    model = bundled.get("instruction")
    assert model.world is not None and model.world.presence is not None
    told: dict[bool, list[bool]] = {True: [], False: []}
    for seed in range(4_200_000, 4_200_010):
        scene = scenes.scene(seed, things=1)
        image = to_tensor(scenes.render(scene).image)
        kind = scene.things[0].kind
        other = "cat" if kind != "cat" else "lamp"
        here, absent = presence.scores(model, (kind, other), image)
        told[True].append(here >= model.world.presence)
        told[False].append(absent < model.world.presence)
    assert sum(told[True]) >= 9 and sum(told[False]) >= 8, told


def test_an_absent_thing_is_asked_about_or_noted(bundled: Models) -> None:
    image = to_tensor(scenes.render(scenes.scene(4_200_003, things=1, kinds=("star",))).image)

    def run(words: str, ask: bool, mask_only: bool = True, hint: bool = False) -> Done:
        request = EditRequest(
            algorithm="foi",
            instruction=words,
            image=image,
            parameters={"steps": 2},
            mask_only=mask_only,
            ask=ask,
            hint=torch.ones(1, 1, 128, 128) if hint else None,
            hint_mode="limit" if hint else "off",
        )
        done = list(edit(bundled, request))[-1]
        assert isinstance(done, Done)
        return done

    for words in ("remove the elephant", "remove the cat"):
        with pytest.raises(EditError) as refused:
            run(words, ask=True)
        assert refused.value.code == "not-found" and "could not find" in refused.value.sentence
        codes = [getattr(note, "code", "") for note in run(words, ask=False).report.warnings]
        assert "not-found" in codes
        assert "not-found" not in [
            getattr(note, "code", "") for note in run(words, ask=True, hint=True).report.warnings
        ]
    assert not run("remove the star", ask=True).report.warnings


def test_on_a_layer_of_one_colour_nothing_is_found(models: Models) -> None:
    paper = torch.full((1, 3, 64, 64), 0.9)

    def request(words: str, ask: bool = True) -> EditRequest:
        return EditRequest("foi", words, paper, parameters={"steps": 2}, mask_only=True, ask=ask)

    with pytest.raises(EditError) as refused:
        list(edit(models, request("make the star blue, remove the cup")))
    assert refused.value.code == "not-found" and "one colour" in refused.value.sentence
    assert "'star' or 'cup'" in refused.value.sentence and "layer" in refused.value.remedy
    for words, ask, told in (("make the star blue", False, True), ("make it red", True, False)):
        done = list(edit(models, request(words, ask)))[-1]
        assert isinstance(done, Done)
        codes = [getattr(note, "code", "") for note in done.report.warnings]
        assert ("not-found" in codes) == told


def test_in_a_picture_of_another_world_nothing_is_known(bundled: Models) -> None:
    model = bundled.get("instruction")
    paper = torch.ones(1, 3, 128, 128)
    paper[..., 40:90, 40:90] = torch.rand(1, 3, 50, 50, generator=torch.Generator().manual_seed(0))
    words = parse("remove the star, remove the elephant")
    assert presence.missing(model, words, paper) == ("elephant",)


def test_a_model_without_a_bound_says_nothing(models: Models) -> None:
    model = models.get("instruction")
    image = torch.rand(1, 3, 64, 64)
    assert presence.missing(model, parse("remove the elephant"), image) == ()


def test_what_nobody_sees_is_no_change() -> None:
    torch.manual_seed(0)
    before = torch.rand(1, 3, 96, 64) * 0.5 + 0.25
    mask = torch.zeros(1, 1, 96, 64)
    mask[..., 20:60, 10:50] = 1
    grain = (before + 0.01 * torch.randn_like(before)).clamp(0, 1)
    assert visible.nothing_changed(before, before, mask)
    assert visible.nothing_changed(before, grain, mask)
    tinted = before + 0.1 * torch.tensor([1.0, -1.0, 0.0])[:, None, None] * mask
    assert not visible.nothing_changed(before, tinted, mask)
    assert visible.nothing_changed(before, tinted, torch.zeros_like(mask))
    white = visible.lab(torch.ones(1, 3, 1, 1))[0, :, 0, 0]
    assert torch.allclose(white, torch.tensor([100.0, 0.0, 0.0]), atol=0.02)


def test_what_the_autoencoder_alone_does_is_no_change(bundled: Models) -> None:
    network, told = bundled.get("instruction"), []
    for seed in range(4_300_000, 4_300_006):
        case = Case.of("recolour", seed)
        back = network.round_trip(case.before).cpu()
        trip = masks.blend(back, case.before, case.exact)
        assert visible.nothing_changed(case.before, trip, case.exact, partial(torch.clone, trip))
        half = masks.blend(back, case.before, case.exact * 0.7)
        assert visible.nothing_changed(case.before, half, case.exact, partial(torch.clone, trip))
        assert not visible.nothing_changed(
            case.before, case.after, case.exact, partial(torch.clone, trip)
        )
        told.append(visible.nothing_changed(case.before, trip, case.exact))
    assert not all(told), "the grain is not seen, so that nothing was tested"


def test_an_edit_that_leaves_the_picture_as_it_decodes_says_so(
    bundled: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case.of("background", 4_300_001)

    def codes() -> list[str]:
        request = EditRequest("foi", "make it brighter", case.before, parameters={"steps": 2})
        done = list(edit(bundled, request))[-1]
        assert isinstance(done, Done)
        return [getattr(note, "code", "") for note in done.report.warnings]

    assert "no-change" not in codes()
    latents = bundled.get("instruction").encode(case.before) * bundled.get("instruction").scaling
    real = type(bundled.get("instruction")).decode
    monkeypatch.setattr(
        type(bundled.get("instruction")), "decode", lambda model, _: real(model, latents)
    )
    assert "no-change" in codes()
