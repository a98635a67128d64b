"""From a checkpoint's files to its networks.

For a folder and for a single file alike. The libraries' own ways (`from_pretrained`,
`from_single_file`) believe whatever a model's configuration says, and the second one first makes
each network with random weights of 32 bits and needs a model hub. With a file of 2.1 GB on its way
to a GPU that took 7.3 GB of memory and 9.8 CPU seconds; this takes 0.5 GB and 0.7 s. A network is
made without weights from the checked configuration, the files are mapped into memory, their tensors
get diffusers' names by diffusers' own conversion, and are put in as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
)
from diffusers.utils import logging as diffusers_logging
from safetensors import safe_open
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from ..errors import UnreadableModel
from . import stable_diffusion_1 as sd1
from .checked_json import read, read_bytes
from .configuration import VAE as VAEConfig
from .configuration import (
    Scheduler,
    TextEncoder,
    TinyVAE,
    TokenizerConfig,
    Vocabulary,
)
from .configuration import UNet as UNetConfig
from .families import EMA, UNET
from .folder_weights import PRECISION_MARKS, STEMS, Part, object_in, weights_in
from .pipelines import described_in, other_shape
from .recognition import (
    SINGLE_FILE_PARTS,
    V_PREDICTION,
    VARIANTS,
    ZERO_SNR,
    Checkpoint,
    config_beside,
)
from .weights_file import AGAIN, Trouble

CHUNK_BYTES = 256 * 1024 * 1024
"""Of a file that are mapped at once while its precision is changed."""

TOKENS = 77
"""Places of CLIP's text encoder."""

OLD_ATTENTION = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}
"""Names in autoencoders from before diffusers 0.15.

Stable Diffusion 1.5's own has them.
"""


@dataclass(frozen=True)
class Networks:
    """What a checkpoint is made of."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: Scheduler


def load(
    checkpoint: Checkpoint,
    dtype: torch.dtype,
    vae: torch.dtype | None = None,
    text_encoder: torch.dtype | None = None,
) -> Networks:
    """The networks on the CPU: the UNet in `dtype`, the others in theirs.

    None is the UNet's. Where that is the files' own they stay mapped. Raises UnreadableModel, or
    what torch and safetensors raise for damaged files.
    """
    folder = _configuration(checkpoint)
    config = _words(checkpoint)
    vae_of = checkpoint.donors.get("vae", checkpoint)
    text_of = checkpoint.donors.get("text_encoder", checkpoint)
    return Networks(
        unet=load_unet(checkpoint, dtype),
        vae=load_vae(vae_of, vae or dtype),
        text_encoder=load_text_encoder(text_of, text_encoder or dtype),
        tokenizer=_tokenizer(folder, config),
        scheduler=_scheduler(checkpoint),
    )


def check(checkpoint: Checkpoint) -> None:
    """Raises UnreadableModel where weights are not as their configuration says.

    Compares the names and shapes of all tensors; their values are not read.
    """
    vae, text = (checkpoint.donors.get(part, checkpoint) for part in ("vae", "text_encoder"))
    load_unet(checkpoint, None)
    load_vae(vae, None)
    load_text_encoder(text, None)
    _tokenizer(_configuration(checkpoint), _words(checkpoint))


def _words(checkpoint: Checkpoint) -> TextEncoder:
    """How the text encoder is configured.

    Raises UnreadableModel where it is another model's, and its words are not what the UNet takes.
    """
    own = read(TextEncoder, configuration_of(checkpoint, "text_encoder"))
    donor = checkpoint.donors.get("text_encoder", checkpoint)
    theirs = read(TextEncoder, configuration_of(donor, "text_encoder"))
    if theirs.hidden_size != own.hidden_size:
        sentence = f"{checkpoint.place} has no text encoder, and that of {donor.place} is another."
        raise UnreadableModel("other-shapes", sentence, "Use a checkpoint that has all its parts.")
    return own


def _scheduler(checkpoint: Checkpoint) -> Scheduler:
    """The noise of its training: as configured, or as a single file marks it."""
    scheduler = read(Scheduler, configuration_of(checkpoint, "scheduler"))
    marked: dict[str, object] = {}
    if V_PREDICTION in checkpoint.marks:
        marked["prediction_type"] = "v_prediction"
    if ZERO_SNR in checkpoint.marks:
        marked["rescale_betas_zero_snr"] = True
    return scheduler.model_copy(update=marked)


def _configuration(checkpoint: Checkpoint) -> Path | None:
    """The folder with a checkpoint's configuration.

    None means Stable Diffusion 1.x's own.
    """
    place = checkpoint.place
    return place if place.is_dir() else config_beside(place)


def configuration_of(checkpoint: Checkpoint, part: str) -> Path:
    """The file with the configuration of one of a checkpoint's parts."""
    return described_in(_configuration(checkpoint), part)


def load_unet(checkpoint: Checkpoint, dtype: torch.dtype | None) -> UNet2DConditionModel:
    """The UNet; the moving average of its weights, where a single file has both.

    dtype: None is for a network without values, as in `load_vae` and `load_text_encoder`.
    """
    config = read(UNetConfig, configuration_of(checkpoint, "unet")).arguments()
    channels = {variant: count for count, variant in VARIANTS.items()}[checkpoint.variant]
    with torch.device("meta"):
        network = UNet2DConditionModel(**config | {"in_channels": channels})
    files = files_of(checkpoint, "unet", dtype)
    if checkpoint.place.is_dir():
        return _filled(network, _tensors(files, "", dtype), checkpoint)
    ema = checkpoint.ema
    tensors: dict[str, Any] = _tensors(files, EMA if ema else UNET, dtype)
    if ema:  # the conversion goes by the names of one half, and takes the values of the other
        tensors |= dict.fromkeys(_names(files[0], UNET))
    elif not tensors:  # a UNet by itself
        tensors = {UNET + n: value for n, value in _tensors(files, "", dtype).items()}
    logger = diffusers_logging.get_logger(convert_ldm_unet_checkpoint.__module__)
    logger.setLevel(diffusers_logging.ERROR)  # it tells which half is taken
    converted = convert_ldm_unet_checkpoint(tensors, network.config, extract_ema=ema)
    return _filled(network, converted, checkpoint)


def load_vae(checkpoint: Checkpoint, dtype: torch.dtype | None) -> AutoencoderKL:
    """The autoencoder. A single file may hold nothing else, in either layout."""
    with torch.device("meta"):
        network = AutoencoderKL(**read(VAEConfig, configuration_of(checkpoint, "vae")).arguments())
    files = files_of(checkpoint, "vae", dtype)
    prefix = "" if checkpoint.place.is_dir() else SINGLE_FILE_PARTS["vae"]
    tensors = _tensors(files, prefix, dtype) or _tensors(files, "", dtype)
    if any(".down_blocks." in name for name in tensors):
        for old, new in OLD_ATTENTION.items():
            tensors = {name.replace(old, new): value for name, value in tensors.items()}
    else:
        tensors = convert_ldm_vae_checkpoint(tensors, network.config)
    return _filled(network, tensors, checkpoint)


def load_text_encoder(checkpoint: Checkpoint, dtype: torch.dtype | None) -> CLIPTextModel:
    """CLIP's text encoder, in a single file also under the names that it had at first."""
    config = read(TextEncoder, configuration_of(checkpoint, "text_encoder"))
    prefix = "" if checkpoint.place.is_dir() else SINGLE_FILE_PARTS["text_encoder"]
    files = files_of(checkpoint, "text_encoder", dtype)
    tensors = {
        "text_model." + name.removeprefix(prefix).removeprefix("text_model."): value
        for name, value in _tensors(files, prefix, dtype).items()
        if "position_ids" not in name  # counted, not learned
    }
    described = CLIPTextConfig(**config.arguments())
    with torch.device("meta"):
        empty = CLIPTextModel(described)
    wanted = {
        f"text_model.{name.removeprefix('text_model.')}": value
        for name, value in empty.state_dict().items()
    }
    _compare(wanted, tensors, checkpoint)
    if dtype is None:
        return empty
    transformers_logging.disable_progress_bar()
    encoder: Any = CLIPTextModel.from_pretrained(
        None, config=described, state_dict=tensors, dtype=dtype
    )
    network: CLIPTextModel = encoder
    return network


def load_tiny_vae(folder: Path, dtype: torch.dtype) -> AutoencoderTiny:
    """A small decoder for previews (TAESD), from a folder in the diffusers format."""
    with torch.device("meta"):
        network = AutoencoderTiny(**read(TinyVAE, folder / "config.json").arguments())
    found = weights_in(folder, STEMS["vae"])
    if isinstance(found, Trouble):
        raise UnreadableModel(found.code, found.sentence, found.remedy)
    tensors = _tensors(_nearest(found, dtype).files, "", dtype)
    return _filled(network, tensors, Checkpoint(folder))


def _filled(network: Any, tensors: dict[str, Tensor], checkpoint: Checkpoint) -> Any:
    """A network that was made without weights, with these. Raises UnreadableModel."""
    _compare(network.state_dict(), tensors, checkpoint)
    network.load_state_dict(tensors, assign=True)
    return network


def _compare(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], checkpoint: Checkpoint
) -> None:
    """Raises UnreadableModel where tensors lack, or have another shape."""
    place = checkpoint.place
    if lacking := [name for name in wanted if name not in tensors]:
        few = f"{lacking[0]} and {len(lacking) - 1} more" if lacking[1:] else lacking[0]
        raise UnreadableModel("incomplete", f"{place} lacks tensors: {few}.", AGAIN)
    for name, value in wanted.items():
        if (shape := tuple(tensors[name].shape)) != tuple(value.shape):
            configured = _configuration(checkpoint) is not None
            trouble = other_shape(place, name, shape, tuple(value.shape), configured)
            raise UnreadableModel(trouble.code, trouble.sentence, trouble.remedy)


def files_of(checkpoint: Checkpoint, part: str, dtype: torch.dtype | None) -> Sequence[Path]:
    """The files with a network's weights, in the precision nearest to the wanted one."""
    if checkpoint.place.is_file():
        return (checkpoint.place,)
    return _nearest(checkpoint.weights[part], dtype).files


def _nearest(found: Mapping[str, Part], dtype: torch.dtype | None) -> Part:
    """Of a network's weights in several precisions, those nearest to the wanted one."""
    half = dtype in (torch.float16, torch.bfloat16)
    marks = (*PRECISION_MARKS[1:], *PRECISION_MARKS) if half else PRECISION_MARKS
    return next(found[mark] for mark in marks if mark in found)


def _names(file: Path, prefix: str) -> list[str]:
    with safe_open(file, framework="pt") as opened:
        return [name for name in opened.keys() if name.startswith(prefix)]  # noqa: SIM118


def _tensors(files: Sequence[Path], prefix: str, dtype: torch.dtype | None) -> dict[str, Tensor]:
    """The tensors whose names begin so, in a precision.

    None: their shapes without values. Where it is the file's own they stay mapped into memory.
    Otherwise they are copied in chunks,
    so that never much more than the result is in memory.
    """
    found: dict[str, Tensor] = {}
    for file in files:
        names = _names(file, prefix)
        while names:
            chunk = 0
            with safe_open(file, framework="pt") as opened:
                while names and chunk < CHUNK_BYTES:
                    name = names.pop()
                    if dtype is None:
                        shape = opened.get_slice(name).get_shape()
                        found[name] = torch.empty(shape, device="meta")
                        continue
                    value = opened.get_tensor(name)
                    if value.is_floating_point() and value.dtype != dtype:
                        chunk += value.nbytes
                        value = value.to(dtype)
                    found[name] = value
    return found


@lru_cache(maxsize=1)
def sd1_tokenizer() -> CLIPTokenizer:
    """CLIP's, as all Stable Diffusion 1.x models have it."""
    merges: Any = sd1.merges()
    return CLIPTokenizer(vocab=sd1.vocabulary(), merges=merges, model_max_length=TOKENS)


def _tokenizer(folder: Path | None, config: TextEncoder) -> CLIPTokenizer:
    """A model's own tokenizer, or CLIP's where it has none.

    Its vocabulary and merges in either form, and its special tokens. Raises UnreadableModel if it
    has tokens that the text encoder does not know.
    """
    if folder is None or not (folder / "tokenizer").is_dir():
        return sd1_tokenizer()
    folder = folder / "tokenizer"
    vocab: dict[str, int]
    if (folder / "tokenizer.json").is_file():
        pairs = read(Vocabulary, folder / "tokenizer.json").model
        vocab, lines = pairs.vocab, pairs.merges
    else:
        vocab = object_in(folder / "vocab.json")
        text = read_bytes(folder / "merges.txt").decode("utf-8", "replace")
        lines = [line for line in text.split("\n") if line and not line.startswith("#version")]
    merges: Any = [tuple(line.split(" ")) if isinstance(line, str) else line for line in lines]
    if not all(type(token) is int and 0 <= token < config.vocab_size for token in vocab.values()):
        raise UnreadableModel(
            "unreadable-model",
            f"The tokenizer in {folder} has tokens that the text encoder does not know.",
            "Fetch the model again, or choose another.",
        )
    special = folder / "tokenizer_config.json"
    marks = read(TokenizerConfig, special).arguments() if special.is_file() else {}
    try:
        return CLIPTokenizer(
            vocab=vocab, merges=merges, model_max_length=config.max_position_embeddings, **marks
        )
    except Exception as error:  # the library in Rust raises no narrower class
        raise UnreadableModel(
            "unreadable-model",
            f"The tokenizer in {folder} can't be used: {error}.",
            "Fetch the model again, or choose another.",
        ) from error
