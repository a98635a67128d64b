"""Memory is planned.

Full-size networks are counted without values, tiny ones run on a card whose room is counted
(tests/card.py).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from limn.editing import EditRequest, Models, edit, load_models
from limn.editing.diffusion import budget, memory, moving, planning, room
from limn.editing.diffusion import stable_diffusion_1 as sd1
from limn.editing.diffusion.budget import Demand, Plan, Weights
from limn.editing.diffusion.checked_json import read
from limn.editing.diffusion.configuration import VAE, UNet
from limn.editing.events import Done, Note
from limn.editing.methods.table import ALGORITHMS

from ..card import CONTEXT, Card
from .conftest import picture

SD15 = Weights(
    {"unet": 1_719_000_000, "vae": 167_000_000, "text_encoder": 246_000_000}, 0, (2, 2), (320, 128)
)
"""Stable Diffusion 1.5 in half precision."""


class Counted(TorchDispatchMode):
    """Bytes of tensors without values, those of a network left out."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        tensors = (*network.parameters(), *network.buffers())
        self._held = {tensor.untyped_storage()._cdata: 0 for tensor in tensors}
        self._used = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for x in tree_iter(made):
            if isinstance(x, torch.Tensor):
                storage = x.untyped_storage()
                if storage._cdata not in self._held:
                    self._held[storage._cdata] = storage.nbytes()
                    self._used += storage.nbytes()
                    self.most = max(self.most, self._used)
                    weakref.finalize(storage, self._drop, storage._cdata)
        return made

    def _drop(self, key: int) -> None:
        self._used -= self._held.pop(key, 0)


def fused(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> Any:
    """The size of fused attention's answer, with a gradient for all three."""
    return query * (key.mean(2, keepdim=True) * value.mean(2, keepdim=True))


@pytest.fixture
def full_unet(monkeypatch: pytest.MonkeyPatch) -> UNet2DConditionModel:
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", fused)
    with torch.device("meta"):
        unet = UNet2DConditionModel(**read(UNet, sd1.HERE / "unet.json").arguments())
    made: UNet2DConditionModel = unet.half().requires_grad_(False)
    return made


def forward(unet: UNet2DConditionModel, rows: int, gradients: bool = False) -> int:
    """Bytes at the peak of a pass over 512 x 512 pixels."""
    with torch.device("meta"):
        x = torch.empty(rows, 4, 64, 64, dtype=torch.half)
        text = torch.empty(rows, 77, 768, dtype=torch.half, requires_grad=gradients)
        t = torch.empty(())
    with torch.set_grad_enabled(gradients), Counted(unet) as counted:
        noise = unet(x, t, text, return_dict=False)[0]
        if gradients:
            noise.sum().backward()
    return counted.most


def test_what_the_unet_needs_is_as_reckoned(full_unet: UNet2DConditionModel) -> None:
    """At full size: 65 MiB a row, ten times as much with gradients, three times with
    checkpointing.
    """
    row = budget.UNET_UNITS * 320 * 64 * 64 * 2
    assert forward(full_unet, 1) == pytest.approx(row, rel=0.05)
    assert forward(full_unet, 3) == pytest.approx(3 * row, rel=0.05)
    assert forward(full_unet, 1, gradients=True) == pytest.approx(budget.BACKWARD * row, rel=0.05)
    full_unet.enable_gradient_checkpointing()
    full_unet.train()  # diffusers checkpoints only then
    assert forward(full_unet, 1, gradients=True) == pytest.approx(
        budget.CHECKPOINTED * row, rel=0.05
    )


def test_what_the_autoencoder_needs_is_as_reckoned(full_unet: UNet2DConditionModel) -> None:
    with torch.device("meta"):
        vae = AutoencoderKL(**read(VAE, sd1.HERE / "vae.json").arguments()).half()
        z = torch.empty(1, 4, 64, 64, dtype=torch.half)
    with torch.no_grad(), Counted(vae) as counted:
        vae.decode(z)
    assert counted.most == pytest.approx(budget.VAE_UNITS * 128 * 512 * 512 * 2, rel=0.05)


@pytest.mark.parametrize(
    ("algorithm", "gigabytes", "code"),
    [
        ("foi", 4, "all"), ("adapedit", 4, "all"), ("tas", 4, "all"), ("instdiffedit", 4, "swap"),
        ("foi", 3, "visit"), ("tas", 3, "visit"), ("instdiffedit", 3, "visit"),
        ("foi", 2, "layers"), ("tas", 2, "layers"), ("instdiffedit", 2, "layers"),
        ("tas", 6, "all"), ("instdiffedit", 6, "all"), ("foi", 1, "tiles"),
    ],
)  # fmt: skip
def test_cards_and_papers(algorithm: str, gigabytes: int, code: str) -> None:
    """The plan by which each paper's algorithm runs.

    Stable Diffusion 1.5, 512 x 512, fp16.
    """
    declared = ALGORITHMS[algorithm]
    demand = declared.demand(declared.settings(), (512, 512), 1)
    free = gigabytes * 10**9 - CONTEXT - room.SPARE
    weights = dict.fromkeys(demand.variants, SD15)
    chosen = budget.choose(budget.PLANS, free, demand, weights, False)
    assert chosen.code == code, {
        p.code: budget.needed(p, demand, weights) / 1e9 for p in budget.PLANS
    }


# ---------------------------------------------------------------- tiny networks on a small card

EDITS = {
    "foi": ("make the star blue", {"steps": 2}),
    "adapedit": ("cat => dog", {"steps": 2}),
    "instdiffedit": ("a red star => a blue star", {"steps": 2, "inpainting_steps": 2}),
    "tas": ("cat => dog", {"steps": 2, "optimisation_steps": 1}),
}


@pytest.fixture(autouse=True)
def nothing_spared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tiny networks' whole card is smaller than what is left to other programs."""
    monkeypatch.setattr(room, "SPARE", 0)
    monkeypatch.setattr(moving, "PROBE", 1000)
    yield


def request(algorithm: str) -> EditRequest:
    instruction, parameters = EDITS[algorithm]
    return EditRequest(algorithm, instruction, picture(), parameters=parameters)


def run(models: Models, algorithm: str) -> tuple[Done, list[Note]]:
    notes = []
    for event in edit(models, request(algorithm)):
        if isinstance(event, Note):
            notes.append(event)
        if isinstance(event, Done):
            return event, notes
        del event  # a step can draw its preview, and holds the network for that
    raise AssertionError("no result")


def fixed(models: Models, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use this plan, whatever is free."""
    monkeypatch.setattr(budget, "choose", lambda *_: plan)


@pytest.mark.parametrize(
    ("algorithm", "plans"),
    [
        ("foi", (budget.ALL, budget.LAYERS)),
        ("adapedit", (budget.ALL, budget.LAYERS)),
        ("instdiffedit", (budget.ALL, budget.VISIT, budget.APART, budget.TILES)),
    ],
)
def test_each_plan_needs_less_and_gives_the_same(
    tiny_model: Path,
    models: Models,
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
    plans: tuple[Plan, ...],
) -> None:
    """All six were compared for all three once; these are as many as are quick."""
    expected, _ = run(models, algorithm)
    peaks = []
    for plan in plans:
        with Card(room=10**9) as card:
            small = load_models(tiny_model, "card", torch.float32)
            fixed(small, plan, monkeypatch)
            done, notes = run(small, algorithm)
            assert bool(notes) == (plan != budget.ALL)
            del small
        peaks.append(card.most)
        torch.testing.assert_close(done.image, expected.image, rtol=0, atol=1e-4)
        assert torch.equal(done.alpha, expected.alpha)
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < 0.8 * peaks[0]


def test_going_backwards_on_a_card(tiny_model: Path, models: Models) -> None:
    expected, _ = run(models, "tas")
    with Card(room=10**9):
        done, _ = run(load_models(tiny_model, "card", torch.float32), "tas")
    torch.testing.assert_close(done.image, expected.image, rtol=0, atol=1e-3)


def test_a_plan_that_fails_is_left_out_until_there_is_more_room(tiny_model: Path) -> None:
    with Card(room=9_000_000) as card:
        small = load_models(tiny_model, "card", torch.float32)
        demand = Demand(("text-to-image",), (64, 64))
        seen = []
        while True:
            small.plan_for(demand)
            seen.append(small.plan)
            if not small.smaller_plan():
                break
        assert seen == sorted(set(seen), key=budget.PLANS.index)
        assert seen[0] == budget.ALL and seen[-1] == budget.TILES
        assert "MB" in small.shortage()
        small.plan_for(demand)
        assert small.plan == budget.TILES
        card.room *= 2
        small.plan_for(demand)
        assert small.plan == budget.ALL


def test_other_variants_make_room(tiny_model: Path) -> None:
    """What an earlier edit used is dropped where the next needs its room.

    Else it is kept.
    """
    with Card(room=10**9) as card:
        models = load_models(tiny_model, "card", torch.float32)
        models.get("instruction")
        models.plan_for(Demand(("text-to-image",), (64, 64)))
        assert models.is_loaded("instruction")
        models.get("text-to-image")
        demand = Demand(("text-to-image",), (64, 64))
        weights = {"text-to-image": models._weigh("text-to-image")}
        card.room = budget.needed(budget.ALL, demand, weights) + 100_000
        models.plan_for(demand)
        assert models.plan == budget.ALL and not models.is_loaded("instruction")


def test_weights_are_weighed_by_headers_alone(tiny_model: Path, models: Models) -> None:
    weights = models._weigh("inpainting")
    model = models.get("inpainting")
    for part in ("unet", "vae", "text_encoder"):
        held = sum(value.nbytes for value in getattr(model, part).state_dict().values())
        assert weights.bytes[part] == held, part
    card = torch.device("cuda")
    half = memory.weigh(models.checkpoints["inpainting"], torch.float16, torch.float16, card)
    assert half.total * 2 == weights.total and half.copied == half.total
    assert weights.copied == 0


def test_the_hosts_memory_is_planned_too(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a CPU mapped files take no memory.

    Copied ones do, and two variants are swapped then.
    """
    models = load_models(tiny_model, "cpu", torch.bfloat16)
    demand = Demand(("text-to-image", "inpainting"), (64, 64))
    one = models._weigh("inpainting").copied
    assert one > 0
    both = budget.needed(budget.ALL, demand, {v: models._weigh(v) for v in demand.variants}, True)
    monkeypatch.setattr(room, "host_free", lambda: both)
    assert models.plan_for(demand) is None
    monkeypatch.setattr(room, "host_free", lambda: both - one // 2)
    told = models.plan_for(demand)
    assert models.plan == budget.SWAP and told is not None
    assert told.code == "memory-plan" and "are free" in told


def test_a_host_that_is_too_small_is_told_before_anything_is_loaded(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "host_free", lambda: 1000)
    monkeypatch.setattr(memory, "swap_free", lambda: 0)
    with Card(room=10**9):
        models = load_models(tiny_model, "card", torch.float16)
        with pytest.raises(Exception, match="must be copied"):
            next(e for e in edit(models, request("foi")) if isinstance(e, Done))
        assert not any(map(models.is_loaded, models.variants))


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (RuntimeError("MPS backend out of memory (MPS allocated: 4 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 99 bytes"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("shapes differ"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_shortages(error: Exception, is_one: bool) -> None:
    assert room.is_shortage(error) is is_one


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert room.host_free() > 10**6
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    assert room.host_free() == 2_500_000


def test_seconds_are_told_where_they_are_known() -> None:
    demand = Demand(("text-to-image", "inpainting"), (512, 512), rounds=2)
    weights = dict.fromkeys(demand.variants, SD15)
    swap = memory.seconds_more(budget.SWAP, demand, weights, 1e9)
    assert swap == pytest.approx(2 * 2 * 2.132)
    assert memory.seconds_more(budget.LAYERS, demand, weights, 1e9) is None
    told = memory.told(budget.SWAP, 3_900_000_000, 5_600_000_000, swap)
    assert told == (
        "Models are swapped: 3.9 GB of memory are free, and 5.6 GB would be needed; about 9 s more."
    )
    assert planning.GROWN > 1
