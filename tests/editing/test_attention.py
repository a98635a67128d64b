"""Self-checks C1 to C3 (tests/README.md).

Taps read without changing, maps are probabilities. And what changing taps do.
"""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor

from limn.editing import Models
from limn.editing.diffusion.attention import Attention, AverageMap, Rows, Sites, Taps
from limn.editing.diffusion.loading import load_models
from limn.editing.diffusion.model import Branch, Model, Tally

SD1 = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}


@pytest.fixture
def model(models: Models) -> Model:
    return models.get("text-to-image").counting(Tally())


def batch(
    model: Model, size: tuple[int, int] = (16, 16), samples: int = 1
) -> tuple[Tensor, list[Branch]]:
    x = torch.randn(samples, 4, *size, generator=torch.Generator().manual_seed(1))
    return x, [
        Branch("source", model.embed("a red star")),
        Branch("target", model.embed("a blue cat on a large circle")),
    ]


def same(a: dict[str, Tensor], b: dict[str, Tensor], **tolerance: float) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], **(tolerance or {"rtol": 0, "atol": 0}))


@torch.no_grad()
def test_untapped_model_is_the_stock_one(models: Models, tiny_model: object) -> None:
    model = models.get("text-to-image")
    stock = UNet2DConditionModel.from_pretrained(
        f"{tiny_model}/text-to-image/unet", low_cpu_mem_usage=False
    ).eval()
    x, branches = batch(model)
    expected = stock(torch.cat((x, x)), 500, torch.cat([b.text for b in branches])).sample
    mine = model.predict(x, 500, branches)
    assert torch.equal(torch.cat(list(mine.values())), expected)


@torch.no_grad()
def test_reading_changes_nothing_and_explicit_softmax_agrees(
    model: Model, models: Models, tiny_model: object
) -> None:
    x, branches = batch(model)
    plain = model.predict(x, 500, branches)
    reader = AverageMap("target")
    same(model.predict(x, 500, branches, dict.fromkeys(model.sites.at("cross", 1), reader)), plain)

    def explicit(a: Attention) -> Tensor:
        return a.attend(source=a.probabilities("source"), target=a.probabilities("target"))

    for sites in (model.sites.at("cross"), model.sites.at("self"), model.sites.all):
        same(
            model.predict(x, 500, branches, dict.fromkeys(sites, explicit)),
            plain,
            rtol=1e-5,
            atol=1e-5,
        )

    stock = UNet2DConditionModel.from_pretrained(
        f"{tiny_model}/text-to-image/unet", low_cpu_mem_usage=False
    ).eval()
    stock.set_attn_processor(AttnProcessor())
    expected = stock(torch.cat((x, x)), 500, torch.cat([b.text for b in branches])).sample
    torch.testing.assert_close(torch.cat(list(plain.values())), expected, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_rows_sum_to_one(model: Model) -> None:
    x, branches = batch(model, samples=3)
    seen: list[tuple[Attention, Tensor]] = []

    def keep(a: Attention) -> Tensor:
        seen.append((a, a.probabilities("target")))
        return a.attend()

    model.predict(x, 500, branches, dict.fromkeys(model.sites.all, keep))
    assert len(seen) == len(model.sites.all)
    for a, probabilities in seen:
        positions = math.prod(a.grid)
        assert probabilities.shape == (
            3,
            a.site.heads,
            positions,
            77 if a.site.kind == "cross" else positions,
        )
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(probabilities.shape[:-1]))


def test_stable_diffusion_has_5_5_5_1_cross_maps() -> None:
    with torch.device("meta"):
        sites = Sites(UNet2DConditionModel(**SD1))
    assert [len(sites.at("cross", level)) for level in range(4)] == [5, 5, 5, 1]
    assert len(sites.at("cross")) == len(sites.at("self")) == 16
    assert [s.place for s in sites.at("cross", 2)].count("down") == 2
    assert {s.heads for s in sites.all} == {8}
    assert sites.at("cross", 2)[-1].name == "up_blocks.1.attentions.2.transformer_blocks.0.attn2"


def test_the_mid_block_never_counts_among_a_shared_level(model: Model) -> None:
    assert {s.place for s in model.sites.all if s.level == 1} == {"down", "mid", "up"}
    assert {s.place for s in model.sites.at("cross", 1)} == {"down", "up"}


@torch.no_grad()
@pytest.mark.parametrize("size", [(16, 16), (8, 24), (18, 26), (9, 13), (7, 5)])
def test_grids_of_any_size(model: Model, size: tuple[int, int]) -> None:
    x, branches = batch(model, size)
    grids: dict[int, set[tuple[int, int]]] = {}

    def note(a: Attention) -> Tensor:
        grids.setdefault(a.site.level, set()).add(a.grid)
        assert a.query.shape[2] == math.prod(a.grid)
        return a.attend()

    model.predict(x, 500, branches, dict.fromkeys(model.sites.all, note))
    assert grids == {0: {size}, 1: {(math.ceil(size[0] / 2), math.ceil(size[1] / 2))}}


def test_levels_round_up() -> None:
    assert [Sites.grid((18, 26), level) for level in range(4)] == [
        (18, 26),
        (9, 13),
        (5, 7),
        (3, 4),
    ]


@torch.no_grad()
def test_average_map_weighs_heads_sites_samples_and_forwards_equally(model: Model) -> None:
    x, branches = batch(model, (10, 6), samples=2)
    reader, by_hand = AverageMap("target"), []

    def tap(a: Attention) -> Tensor:
        by_hand.append(a.probabilities("target").mean((0, 1)))
        return reader(a)

    taps: Taps = dict.fromkeys(model.sites.at("cross", 1), tap)
    model.predict(x, 500, branches, taps)
    model.predict(x, 300, branches, taps)
    expected = torch.stack(by_hand).mean(0).T.reshape(77, 5, 3)
    torch.testing.assert_close(reader.value, expected)
    torch.testing.assert_close(reader.value.sum(0), torch.ones(5, 3))


@torch.no_grad()
def test_a_branch_can_take_anothers_probabilities_and_the_others_stay(model: Model) -> None:
    x, branches = batch(model)
    site = model.sites.at("cross", 0)[-1]  # the last one: nothing behind it mixes
    plain = model.predict(x, 500, branches)
    changed = model.predict(
        x, 500, branches, {site: lambda a: a.attend(target=a.probabilities("source"))}
    )
    assert torch.equal(changed["source"], plain["source"])
    assert not torch.equal(changed["target"], plain["target"])


@torch.no_grad()
def test_swapped_keys_and_values_make_one_branch_the_other(model: Model) -> None:
    x, branches = batch(model)
    both = [branches[0], Branch("target", branches[0].text)]

    def swap(a: Attention) -> Tensor:
        return a.using(
            **{k: a.swap(k, target="source") for k in ("query", "key", "value")}
        ).attend()  # type: ignore[arg-type]

    other = torch.randn_like(x)
    eps = model.predict(
        {"source": x, "target": other}, 500, both, dict.fromkeys(model.sites.all, swap)
    )
    alone = model.predict(x, 500, both[:1])
    torch.testing.assert_close(eps["source"], alone["source"], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(eps["target"], eps["source"])  # the residual path stays its own


@torch.no_grad()
def test_taps_end_with_the_forward_even_if_one_fails(model: Model) -> None:
    x, branches = batch(model)
    plain = model.predict(x, 500, branches)

    def fail(a: Attention) -> Tensor:
        raise RuntimeError("tap")

    with pytest.raises(RuntimeError, match="tap"):
        model.predict(x, 500, branches, {model.sites.all[0]: fail})
    same(model.predict(x, 500, branches), plain)


def test_rows_are_found_by_name() -> None:
    rows = Rows(("null", "source", "target"), 3)
    assert [rows.of(n) for n in rows.names] == [slice(0, 3), slice(3, 6), slice(6, 9)]
    with pytest.raises(ValueError, match="not in"):
        rows.of("image")


def test_half_precision_on_the_cpu_runs_as_float32(tiny_model: object) -> None:
    models = load_models(str(tiny_model), "cpu", torch.float16)
    assert models.get("instruction").unet.dtype == torch.float32


@torch.no_grad()
def test_in_half_precision_maps_are_float32_and_reading_still_changes_nothing(
    tiny_model: object,
) -> None:
    model = load_models(str(tiny_model), "cpu", torch.bfloat16).get("text-to-image")
    assert model.unet.dtype == torch.bfloat16
    x, branches = batch(model)
    plain = model.predict(x, 500, branches)
    assert {eps.dtype for eps in plain.values()} == {torch.float32}
    reader = AverageMap("target")
    same(model.predict(x, 500, branches, dict.fromkeys(model.sites.at("cross", 1), reader)), plain)
    assert reader.value.dtype == torch.float32
    torch.testing.assert_close(reader.value.sum(0), torch.ones(8, 8))

    def explicit(a: Attention) -> Tensor:
        return a.attend(source=a.probabilities("source"), target=a.probabilities("target"))

    written_out = model.predict(x, 500, branches, dict.fromkeys(model.sites.all, explicit))
    same(written_out, plain, rtol=5e-2, atol=5e-2)  # bfloat16 has 8 bits of mantissa
