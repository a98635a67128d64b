"""FoI: which word a mask belongs to, and what an exception spares."""

from __future__ import annotations

import pytest
import torch

from limn.editing import EditError, EditRequest, Models, edit
from limn.editing.events import Done
from limn.editing.language.instruction import parse
from limn.editing.methods import foi

from .conftest import picture
from .foi_edits import FEW, run


def test_a_prompt_that_is_too_long_names_the_instruction_that_no_longer_fits(
    models: Models,
) -> None:
    text = "; ".join(["make the star blue", *["make the xylophone orange"] * 7])
    with pytest.raises(EditError, match="xylophone") as error:
        run(models, picture(), text)
    assert error.value.code == "text-too-long"


def test_without_a_keyword_a_content_word_is_taken(models: Models) -> None:
    _, (part,) = foi.read(parse("make these blue").items, models.get("instruction"))
    assert part.keyword == "" and set(part.content) < set(part.tokens)
    blue, maps = part.content[-1], torch.full((77, 8, 8), 0.1)
    maps[blue, 2, 2] = 1.0
    for pronoun in set(part.tokens) - set(part.content):
        maps[pronoun, 5, 5] = 10.0
    assert torch.equal(foi.keyword_map(maps, part), maps[blue])


def test_without_a_keyword_the_token_with_the_sharpest_map_is_taken() -> None:
    maps = torch.full((77, 8, 8), 0.1)
    maps[3, 2, 2] = 1.0
    part = foi.Part("what", "", 1.0, False, (2, 3, 4), ())
    assert torch.equal(foi.keyword_map(maps, part), maps[3])


def test_what_is_spared_is_the_complement_of_its_mask_and_an_edge() -> None:
    attention = torch.zeros(16, 16)
    attention[4:9, 4:9] = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) + 1
    for tau in (0.2, 0.4, 0.7):
        thing = foi.region(attention, 1, tau, None, None, False)
        rest = foi.region(attention, 1, tau, None, None, False, outside=True)
        near = torch.nn.functional.max_pool2d(thing.mask.float()[None], 3, 1, 1)[0] > 0
        assert torch.equal(rest.mask, ~near)
        assert (
            torch.equal(rest.soft >= tau, rest.mask)
            and 0 <= rest.soft.min() <= rest.soft.max() <= 1
        )
        limit = torch.zeros(16, 16)
        limit[:, :6] = 1
        held = foi.region(attention, 1, tau, None, limit, False, outside=True)
        assert torch.equal(held.mask, ~near & (limit > 0))


def test_an_exception_is_read_with_what_it_spares(models: Models) -> None:
    words = "make everything blue except the star"
    (part,) = foi.read(parse(words).items, models.get("instruction"))[1]
    assert (part.keyword, part.outside, part.everywhere) == ("star", True, False)
    last = list(edit(models, EditRequest("foi", words, picture(), parameters=FEW)))[-1]
    assert isinstance(last, Done) and last.report.keywords == ("star",)


def test_a_sentence_that_was_not_read_takes_the_word_that_is_looked_at(models: Models) -> None:
    request = EditRequest("foi", "rotate the star", picture(), parameters={"steps": 4})
    last = list(edit(models, request))[-1]
    assert isinstance(last, Done)
    (keyword,) = last.report.keywords
    assert keyword in ("rotate", "star")
    assert any("Not sure" in warning for warning in last.report.warnings)
    assert f"{keyword!r} was taken for the thing to change." in last.report.warnings
