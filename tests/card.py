"""A card made of Python, as a device of torch.

Its tensors lie on the host, and its room is counted.

    with Card(room=4_000_000) as card:
        models = load_models(folder, "card")
    card.most        # bytes that were held at once

Each tensor on it counts, weights and activations alike; one that does not fit raises
torch.OutOfMemoryError, as a full card does, and values of card and host don't mix, as on a real
one. Within one operation the host computes, and its workspace is not counted.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

CONTEXT = 400_000_000
"""Bytes that CUDA itself takes of a card."""

NAME = "card"


class OnCard(torch.Tensor):
    """A tensor of the card; `inner` has its values."""

    inner: torch.Tensor

    @staticmethod
    def __new__(
        cls, inner: torch.Tensor, card: Card | None = None, requires_grad: bool = False
    ) -> OnCard:
        if card is None:  # accelerate makes parameters by their own class
            same: OnCard = inner if isinstance(inner, OnCard) else torch.nn.Parameter(inner, False)  # type: ignore[assignment]
            return same
        made: OnCard = torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, device=torch.device(NAME, 0),
        )  # fmt: skip
        return made

    def __init__(
        self, inner: torch.Tensor, card: Card | None = None, requires_grad: bool = False
    ) -> None:
        if card is None:
            return
        self.inner = inner
        storage = inner.untyped_storage()
        card.hold(storage._cdata, storage.nbytes())
        weakref.finalize(self, card.drop, storage._cdata)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return here().run(func, args, kwargs or {})


def _attention(
    query: Any, key: Any, value: Any, bias: Any = None, dropout: float = 0.0, causal: bool = False,
    debug: bool = False, *, scale: float | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Fused attention, as cards have it: without a matrix of all pairs of positions."""
    made, sums = aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, dropout, causal, attn_mask=bias, scale=scale
    )
    nothing = torch.empty(0)
    return made, sums, None, None, query.shape[2], key.shape[2], nothing, nothing, None


def _attention_backward(
    gradient: Any, query: Any, key: Any, value: Any, bias: Any, wanted: Any, made: Any, sums: Any,
    _a: Any, _b: Any, _c: Any, _d: Any, dropout: float, causal: bool, _e: Any, _f: Any, *,
    scale: float | None = None,
) -> tuple[Any, ...]:  # fmt: skip
    back = aten._scaled_dot_product_flash_attention_for_cpu_backward(
        gradient, query, key, value, made, sums, dropout, causal, attn_mask=bias, scale=scale
    )
    return (*back, None)


aten = torch.ops.aten
STAND_INS: dict[Any, Any] = {
    aten._scaled_dot_product_fused_attention_overrideable.default: _attention,
    aten._scaled_dot_product_fused_attention_overrideable_backward.default: _attention_backward,
}


class Card(TorchDispatchMode):
    """The card that is in the machine while the block lasts."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.used, self.most = room, 0, 0
        self._held: dict[int, tuple[int, int]] = {}  # tensors and bytes by storage

    def __enter__(self) -> Card:
        global _current
        _current = self
        self._stock = F.scaled_dot_product_attention
        F.scaled_dot_product_attention = self._attend
        super().__enter__()
        return self

    def __exit__(self, *why: Any) -> None:
        super().__exit__(*why)
        F.scaled_dot_product_attention = self._stock

    def _attend(self, query: Any, key: Any, value: Any, attn_mask: Any = None, **rest: Any) -> Any:
        if query.device.type != NAME:
            return self._stock(query, key, value, attn_mask, **rest)
        fused = aten._scaled_dot_product_fused_attention_overrideable
        causal = rest.get("is_causal", False)
        return fused(query, key, value, attn_mask, 0.0, causal, scale=rest.get("scale"))[0]

    def hold(self, key: int, size: int) -> None:
        count, size = self._held.get(key, (0, size))
        if not count:
            if self.used + size > self.room:
                raise torch.OutOfMemoryError(
                    f"card out of memory: {size} more than {self.used} of {self.room}"
                )
            self.used += size
            self.most = max(self.most, self.used)
        self._held[key] = (count + 1, size)

    def drop(self, key: int) -> None:
        count, size = self._held.pop(key, (0, 0))
        if count > 1:
            self._held[key] = (count - 1, size)
        elif count:
            self.used -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """One operation, computed by the host.

        Its result is where its operands are, or where it was asked for.
        """
        given: dict[int, OnCard] = {}

        def inner(x: Any) -> Any:
            if isinstance(x, OnCard):
                given[id(x.inner)] = x
                return x.inner
            return x

        plain, named = tree_map(inner, args), tree_map(inner, kwargs)
        to_card = bool(given)
        if (device := named.get("device")) is not None:
            to_card = torch.device(device).type == NAME
            named["device"] = torch.device("cpu") if to_card else device
        elif func is torch.ops.aten.copy_.default:
            func(*plain, **named)
            return args[0]
        made = STAND_INS.get(func, func)(*plain, **named)

        def outer(x: Any) -> Any:
            if not isinstance(x, torch.Tensor):
                return x
            return given[id(x)] if id(x) in given else OnCard(x, self)

        return tree_map(outer, made) if to_card else made


class _Backend(_DummyBackendModule):  # type: ignore[misc]
    """What torch asks of a device: its memory, and random numbers.

    Those are made on the host.
    """

    def mem_get_info(self, device: Any = 0) -> tuple[int, int]:
        return here().room - here().used, here().room

    def memory_reserved(self, device: Any = 0) -> int:
        return here().used

    def empty_cache(self) -> None:
        pass

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.float16, torch.bfloat16]

    def get_rng_state(self, device: Any = 0) -> torch.Tensor:
        return torch.empty(0)

    def set_rng_state(self, state: torch.Tensor, device: Any = 0) -> None:
        pass

    def manual_seed_all(self, seed: int) -> None:
        pass

    def _is_in_bad_fork(self) -> bool:
        return False


_current: Card | None = None


def here() -> Card:
    """The card in the machine."""
    assert _current is not None, "there is no card in this machine"
    return _current


def _empty_strided(
    size: Any, stride: Any, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: Any = None,
) -> OnCard:  # fmt: skip
    return OnCard(torch.empty_strided(size, stride, dtype=dtype), here())


def _empty(
    size: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
    memory_format: Any = None,
) -> OnCard:  # fmt: skip
    return OnCard(torch.empty(size, dtype=dtype), here())


def _copy_from(source: Any, target: Any, non_blocking: bool = False) -> Any:
    taken = source.inner if isinstance(source, OnCard) else source
    put = target.inner if isinstance(target, OnCard) else target
    put.copy_(taken)
    return target


_setup_privateuseone_for_python_backend(NAME, _Backend())
_operations = torch.library.Library("aten", "IMPL")
_operations.impl("empty_strided", _empty_strided, "PrivateUse1")
_operations.impl("empty.memory_format", _empty, "PrivateUse1")
_operations.impl("_copy_from", _copy_from, "PrivateUse1")
