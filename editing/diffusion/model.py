"""The networks as one value: encode, decode, embed, predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from ..errors import NotFinite
from . import finite, moving, tokens
from .attention import Rows, Sites, Taps, side_by_side
from .budget import ALL, Plan
from .finite import Widened
from .notes import World
from .schedule import Schedule


@dataclass
class Tally:
    """How much network an edit has used: passes, and batch rows in them."""

    forwards: int = 0
    rows: int = 0

    def backward(self, rows: int) -> None:
        """Count a backward pass: a forward with its backward is taken for three forwards."""
        self.rows += 2 * rows


@dataclass(frozen=True)
class Branch:
    """One named part of the batch.

    It has a text embedding (1, tokens, channels), and extra input channels (1, c, h, w) where
    wanted.
    """

    name: str
    text: Tensor
    extra: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Call:
    """One question to the UNet.

    inputs: (branch, sample, channel, h, w), texts: (branch, sample, token, channel). t: timestep.
    tally: where it is counted.
    """

    inputs: Tensor
    texts: Tensor
    t: float
    names: tuple[str, ...]
    taps: Taps
    tally: Tally

    @property
    def kind(self) -> tuple[object, ...]:
        """What calls of one forward have in common."""
        return self.names, self.t, self.inputs.shape, self.texts.shape, self.inputs.device

    def asks_as(self, other: Call) -> bool:
        """Whether both ask the same, and nobody looks on."""
        return (
            not self.taps
            and not other.taps
            and torch.equal(self.inputs, other.inputs)
            and torch.equal(self.texts, other.texts)
        )


Gather = Callable[["Model", Call], Tensor]
"""Carries out one call in a forward that several edits share.

The result is (branch, sample, 4, h, w).
"""


@dataclass(frozen=True)
class Model:
    """One variant of a checkpoint, ready to use.

    Tensors that go in and out are float32 on `device`.
    """

    name: str
    variant: str  # "text-to-image", "inpainting" or "instruction"
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    schedule: Schedule
    prediction: str  # "epsilon" or "v_prediction"
    sites: Sites
    device: torch.device
    semantic_level: int  # the level at which nouns localise best
    native_size: int  # pixels, the shorter side that the model was trained on
    identity: str  # tells these weights' values from another model's in a store
    tiny: AutoencoderTiny | None = None  # a fast decoder for previews
    clip_skip: int = 0  # of the text encoder's last layers
    world: World | None = None  # what a small model knows; None where it is not told
    plan: Plan = ALL  # which networks are on the device, and when
    small: torch.dtype | None = None  # what autoencoder and text encoder are widened to for use
    tally: Tally = field(default_factory=Tally)
    gather: Gather | None = None  # carries out a forward together with those of other edits

    def __post_init__(self) -> None:
        for part in finite.NAMES:
            finite.remember(getattr(self, part), part, self._owner)

    @property
    def _owner(self) -> str:
        """These weights on this card."""
        return f"{self.identity} {self.device}"

    @property
    def factor(self) -> int:
        """Pixels per latent, in each direction."""
        return int(2 ** (len(self.vae.config["block_out_channels"]) - 1))

    @property
    def multiple(self) -> int:
        """Working sizes are multiples of this many pixels.

        So every level divides evenly.
        """
        return self.factor * int(2 ** (len(self.unet.config["block_out_channels"]) - 1))

    @property
    def scaling(self) -> float:
        """The autoencoder's scaling factor.

        The loop's latents are this times the posterior's mode.
        """
        return float(self.vae.config["scaling_factor"])

    @torch.no_grad()
    def encode(self, image: Tensor) -> Tensor:
        """A picture's posterior mode, **unscaled**.

        (n, 3, H, W) in 0..1 -> (n, 4, H / factor, W / factor). Raises NotFinite.
        """

        def mode() -> Tensor:
            inside = (2 * image - 1).to(self.device, self.vae.dtype)
            found: Tensor = self.vae.encode(inside).latent_dist.mode()
            return found

        return self._looked_at("vae", mode)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Scaled latents (n, 4, h, w) -> picture in 0..1. Raises NotFinite."""
        if not finite.is_finite(latents):
            raise NotFinite("The edit ran into numbers that are not finite.")
        image = self._looked_at(
            "vae",
            lambda: (
                self.vae.decode((latents / self.scaling).to(self.device, self.vae.dtype)).sample
            ),
        )
        return (image / 2 + 0.5).clamp(0, 1)

    def round_trip(self, image: Tensor) -> Tensor:
        """A picture (n, 3, H, W) in 0..1, encoded and decoded. Raises NotFinite."""
        return self.decode(self.scaling * self.encode(image))

    @torch.no_grad()
    def embed(self, text: str) -> Tensor:
        """Text -> CLIP embedding (1, places, channels) float32.

        Raises EditError if the text has too many tokens, NotFinite.
        """
        ids = torch.tensor(
            [tokens.read(self.tokenizer, text, self.max_tokens).ids], device=self.device
        )
        return self._looked_at("text_encoder", lambda: self._encoded(ids))

    def _encoded(self, ids: Tensor) -> Tensor:
        """The last layer's states.

        With `clip_skip` those of an earlier one, normalised alike.
        """
        if not self.clip_skip:
            states: Tensor = self.text_encoder(ids)[0]
            return states
        all_states: Any = self.text_encoder(ids, output_hidden_states=True).hidden_states
        encoder: Any = self.text_encoder
        states = getattr(encoder, "text_model", encoder).final_layer_norm(
            all_states[-1 - self.clip_skip]
        )
        return states

    def _looked_at(self, part: str, compute: Callable[[], Tensor]) -> Tensor:
        """What a network computes, as float32.

        It is computed again in float32 if it is not finite.
        """
        if not self.plan.visits and self.small is None:
            return self._finite(part, compute)
        if self.plan.apart:
            moving.send_home(self.unet)
        with moving.visiting((getattr(self, part),), self.device, self.small):
            return self._finite(part, compute)

    def _finite(self, part: str, compute: Callable[[], Tensor]) -> Tensor:
        result = compute().float()
        if not finite.is_finite(result):
            finite.widen(getattr(self, part), part, self._owner)
            result = compute().float()
            if not finite.is_finite(result):
                finite.widen(getattr(self, part), part, self._owner)  # raises: it is wide already
        return result

    @property
    def max_tokens(self) -> int:
        """Places in a prompt, start, end and padding included (77)."""
        return int(self.text_encoder.config.max_position_embeddings)

    def predict(
        self,
        latents: Tensor | Mapping[str, Tensor],
        t: float,
        branches: Sequence[Branch],
        taps: Taps | None = None,
    ) -> dict[str, Tensor]:
        """The noise in the latents by branch, each (n, 4, h, w).

        All branches go through **one** forward; where memory is short they go one after another,
        if each tap says which branch alone it looks at (`branch`). latents: as the network wants
        them (Solver.shown), (n, 4, h, w) for every branch, or by branch name. t: timestep 0..999.
        Raises NotFinite, or
        Widened where the UNet runs in float32 from now on. Gradients flow to the text embeddings
        and latents where the caller has them enabled; such a call never shares its forward with
        those of other edits.
        """
        taps = taps or {}
        if self.plan.apart and self.gather is None and _is_separable(taps):
            noise: dict[str, Tensor] = {}
            for one in branches:
                own = {site: tap for site, tap in taps.items() if tap.branch == one.name}  # type: ignore[attr-defined]
                noise |= self._asked(latents, t, [one], own)
            return noise
        return self._asked(latents, t, branches, taps)

    def _asked(
        self,
        latents: Tensor | Mapping[str, Tensor],
        t: float,
        branches: Sequence[Branch],
        taps: Taps,
    ) -> dict[str, Tensor]:
        inputs, texts = [], []
        for branch in branches:
            x = latents if isinstance(latents, Tensor) else latents[branch.name]
            extra = () if branch.extra is None else (branch.extra.to(x).expand(len(x), -1, -1, -1),)
            inputs.append(torch.cat((x, *extra), dim=1))
            texts.append(branch.text.expand(len(x), -1, -1))
        names = tuple(branch.name for branch in branches)
        call = Call(torch.stack(inputs), torch.stack(texts), t, names, taps, self.tally)
        if self.gather is None or torch.is_grad_enabled():
            output = self.forward([call])[0]
        else:
            output = self.gather(self, call)
        return dict(zip(names, output, strict=True))

    def forward(self, calls: Sequence[Call]) -> list[Tensor]:
        """The noise that each call asks for, (branch, n, 4, h, w).

        One forward answers all. calls: alike (Call.kind). The batch is (branch x call x sample);
        two calls that ask the same are asked once. Raises NotFinite, Widened,
        torch.OutOfMemoryError.
        """
        first = [next(k for k, b in enumerate(calls) if b is a or b.asks_as(a)) for a in calls]
        asked = [calls[k] for k in sorted(set(first))]
        samples = asked[0].inputs.shape[1]
        batch = torch.cat([call.inputs for call in asked], dim=1).flatten(0, 1)
        texts = torch.cat([call.texts for call in asked], dim=1).flatten(0, 1)
        for call in asked:
            call.tally.rows += len(batch) // len(asked)
        for tally in {id(call.tally): call.tally for call in calls}.values():
            tally.forwards += 1
        rows = Rows(asked[0].names, samples * len(asked))
        taps = asked[0].taps if len(asked) == 1 else side_by_side([call.taps for call in asked])
        dtype = self.unet.dtype
        if self.plan.apart:
            moving.bring(self.unet, self.device)
        with self.sites.held(taps, rows, (batch.shape[2], batch.shape[3])):
            output = self.unet(
                batch.to(dtype),
                torch.tensor(asked[0].t, device=batch.device),
                texts.to(dtype),
                return_dict=False,
            )[0].to(batch.dtype)
        if not finite.is_finite(output):
            if not finite.is_finite(batch):
                raise NotFinite("The edit ran into numbers that are not finite.")
            finite.widen(self.unet, "unet", self._owner)
            raise Widened("unet")  # its taps have seen such numbers, too
        if self.prediction == "v_prediction":
            alpha_bar = self.schedule.at(asked[0].t)
            output = alpha_bar**0.5 * output + (1 - alpha_bar) ** 0.5 * batch[:, : output.shape[1]]
        answers = output.unflatten(0, (len(rows.names), len(asked), samples)).unbind(1)
        of = dict(zip(sorted(set(first)), answers, strict=True))
        return [of[k] for k in first]

    def save_memory(self, on: bool) -> None:
        """Gradient checkpointing, which takes about half the memory.

        Where gradients are enabled, activations are computed again instead of kept.
        """
        if on or self.plan.visits:
            self.unet.enable_gradient_checkpointing()
        else:
            self.unet.disable_gradient_checkpointing()

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps small gradients from vanishing in half precision.

        Does nothing where the UNet is in another precision.
        """
        return torch.amp.GradScaler(
            self.device.type, init_scale=1024.0, enabled=self.unet.dtype == torch.float16
        )

    def counting(self, tally: Tally, gather: Gather | None = None) -> Model:
        """The same networks, counting into another tally.

        gather: what carries out their forwards together with others.
        """
        return replace(self, tally=tally, gather=gather)


def _is_separable(taps: Taps) -> bool:
    """Whether each tap looks at one branch alone."""
    return all(hasattr(tap, "branch") for tap in taps.values())
