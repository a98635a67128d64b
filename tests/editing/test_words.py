"""Words, tokens and the alignment of two prompts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from limn.editing.diffusion import tokens
from limn.editing.errors import EditError
from limn.editing.language import alignment

GOLDEN = Path(__file__).parent / "golden"
ALIGN = np.load(GOLDEN / "p2p_align.npz", allow_pickle=False)
PAIRS = json.loads(str(ALIGN["meta"]))

IDS = st.lists(st.integers(1, 5), max_size=9).map(lambda ids: [100, *ids, 101])


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(tiny_model / "text-to-image" / "tokenizer")


def test_a_prompt_is_what_the_tokenizer_makes_with_padding(tokenizer: CLIPTokenizer) -> None:
    text = "Make the  RED star blue, zebra-like"
    prompt = tokens.read(tokenizer, text)
    assert list(prompt.ids) == tokenizer(text, padding="max_length", max_length=77).input_ids
    assert prompt.ids[prompt.end] == tokenizer.eos_token_id and len(prompt.used) == prompt.end + 1


def test_words_own_their_tokens_whatever_their_case_and_punctuation(
    tokenizer: CLIPTokenizer,
) -> None:
    prompt = tokens.read(tokenizer, "A  RED star, zebra")
    assert [(w.text, w.positions) for w in prompt.words] == [
        ("A", (1,)),
        ("RED", (2,)),
        ("star,", (3, 4)),
        ("zebra", (5, 6, 7, 8, 9)),
    ]
    assert prompt.positions((7, 11)) == (3,)  # "star" alone, without its comma
    assert prompt.content == tuple(range(1, 10))


@given(st.text(max_size=60))
@settings(deadline=None)
def test_every_token_has_a_word(tokenizer: CLIPTokenizer, text: str) -> None:
    try:
        prompt = tokens.read(tokenizer, text)
    except EditError as error:
        assert error.code == "text-too-long"
        return
    owned = {place for word in prompt.words for place in word.positions}
    assert owned <= set(prompt.content)
    plain = (
        text.isascii() and text.isprintable() and "<|" not in text
    )  # a control character may be a token, and is no word
    assert not plain or owned == set(prompt.content)


def test_too_long_names_the_word_at_the_limit(tokenizer: CLIPTokenizer) -> None:
    assert tokens.read(tokenizer, "star " * 75).end == 76
    with pytest.raises(EditError, match="'heart'") as caught:
        tokens.read(tokenizer, "star " * 75 + "heart cat")
    assert caught.value.code == "text-too-long"


def test_columns_averages_a_words_maps() -> None:
    maps = torch.arange(12.0).view(3, 2, 2)
    assert torch.equal(tokens.columns(maps, (0, 2)), torch.tensor([[4.0, 5.0], [6.0, 7.0]]))
    with pytest.raises(ValueError, match="without tokens"):
        tokens.columns(maps, ())


@pytest.mark.parametrize("k", range(len(PAIRS)))
def test_refinement_equals_the_authors(k: int) -> None:
    pair = PAIRS[k]
    mapper, alphas = alignment.refinement(pair["source_ids"], pair["target_ids"])
    np.testing.assert_array_equal(mapper, ALIGN[f"p{k}_mapper"])
    np.testing.assert_array_equal(alphas, ALIGN[f"p{k}_alphas"])
    keys = alignment.key_places(alignment.align(pair["source_ids"], pair["target_ids"]))
    assert list(keys) == pair["key_token_positions"]


@given(IDS, IDS)
@settings(deadline=None)
def test_only_equal_tokens_are_paired_and_order_is_kept(
    source: list[int], target: list[int]
) -> None:
    pairs = alignment.align(source, target)
    assert [a for a, _ in pairs if a is not None] == list(range(len(source)))
    assert [b for _, b in pairs if b is not None] == list(range(len(target)))
    assert all(source[a] == target[b] for a, b in pairs if a is not None and b is not None)
    assert pairs[0] == (0, 0) and pairs[-1] == (len(source) - 1, len(target) - 1)


@given(IDS, IDS)
@settings(deadline=None)
def test_reindexed_rows_keep_their_sum(source: list[int], target: list[int]) -> None:
    torch.testing.assert_close(
        alignment.reindexing(source, target, places=12).sum(dim=1), torch.ones(12)
    )


def test_reindexing_by_kind_of_change() -> None:
    substitution = alignment.reindexing([9, 1, 2, 3, 8], [9, 1, 4, 5, 3, 8], places=8)
    assert substitution[2].tolist() == [0, 0, 0.5, 0.5, 0, 0, 0, 0]  # 2 -> 4 5: its mass is shared
    assert substitution[3, 4] == 1 and substitution[4, 5] == 1  # pairs
    assert (
        substitution[5, 6] == 1 and substitution[6, 7] == 1 and substitution[7, 7] == 1
    )  # surplus padding on the last
    insertion = alignment.reindexing([9, 1, 8], [9, 2, 1, 8], places=6)
    assert insertion[:, 1].sum() == 0
    deletion = alignment.reindexing([9, 2, 1, 8], [9, 1, 8], places=6)
    assert deletion[1].tolist() == [1, 0, 0, 0, 0, 0]  # to the start token
    assert (
        deletion[4, 3] == 1 and deletion[5, 4] == 1
    )  # padding by rank: not by place, as the authors do
    full = alignment.reindexing([9, 1, 8], [9, 1, 2, 3, 4, 8], places=6)
    assert full[3:, 5].tolist() == [1, 1, 1]  # no padding left in the target


def test_the_difference_from_the_authors_is_padding_alone() -> None:
    """Where the source is longer, the target's padding points nowhere.

    The authors' mapper points at source words from there.
    """
    pair = PAIRS[7]
    mapper, _ = alignment.refinement(pair["source_ids"], pair["target_ids"])
    matrix = alignment.reindexing(pair["source_ids"], pair["target_ids"])
    used = len(pair["target_ids"])
    for place in range(used):
        if mapper[place] >= 0:
            assert matrix[mapper[place], place] == 1
    assert mapper[used] == used < len(pair["source_ids"])
    assert matrix[: len(pair["source_ids"]), used:].sum() == 0


def test_blocks() -> None:
    pairs = alignment.align([9, 1, 2, 3, 8], [9, 4, 2, 3, 5, 8])
    assert alignment.blocks(pairs) == (alignment.Block((1,), (1,)), alignment.Block((), (4,)))
