"""The configuration of each network: what may stand in its JSON file.

Ranges are wide: twice and more of the largest Stable Diffusion. They keep a file from asking for
more memory than the machine has before its weights are even looked at.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Width = Annotated[int, Field(ge=1, le=8192)]
"""Channels of a layer: 1280 in Stable Diffusion 1.x and 2.x."""

Layers = Annotated[int, Field(ge=1, le=16)]
Positive = Annotated[float, Field(gt=0, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]
Word = Annotated[str, Field(min_length=1, max_length=64)]
Widths = Annotated[list[Width], Field(min_length=1, max_length=8)]


class Configuration(BaseModel):
    """A part of a model, as its JSON file describes it."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)

    def arguments(self) -> dict[str, Any]:
        """What the file has set, as arguments of the class that it is for.

        What it leaves out keeps that class's own default.
        """
        return self.model_dump(exclude_unset=True, exclude={"class_name", "model_type"})


class UNet(Configuration):
    """unet/config.json: a `UNet2DConditionModel`.

    Of the kind that Stable Diffusion 1.x and 2.x use.
    """

    class_name: Literal["UNet2DConditionModel"] = Field("UNet2DConditionModel", alias="_class_name")
    sample_size: Annotated[int, Field(ge=1, le=1024)] | None = None
    in_channels: Annotated[int, Field(ge=1, le=64)] = 4
    out_channels: Annotated[int, Field(ge=1, le=64)] = 4
    block_out_channels: Widths = [320, 640, 1280, 1280]
    layers_per_block: Layers | Annotated[list[Layers], Field(max_length=8)] = 2
    down_block_types: Annotated[
        list[Literal["CrossAttnDownBlock2D", "DownBlock2D"]], Field(min_length=1, max_length=8)
    ] = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]
    up_block_types: Annotated[
        list[Literal["CrossAttnUpBlock2D", "UpBlock2D"]], Field(min_length=1, max_length=8)
    ] = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]
    mid_block_type: Literal["UNetMidBlock2DCrossAttn"] = "UNetMidBlock2DCrossAttn"
    attention_head_dim: Width | Widths = 8
    num_attention_heads: None = None  # diffusers refuses it: attention_head_dim says the heads
    cross_attention_dim: Width | Widths = 1280
    transformer_layers_per_block: Layers | Annotated[list[Layers], Field(max_length=8)] = 1
    act_fn: Literal["silu", "swish", "mish", "gelu"] = "silu"
    norm_num_groups: Annotated[int, Field(ge=1, le=1024)] = 32
    norm_eps: Annotated[float, Field(gt=0, le=0.1)] = 1e-5
    center_input_sample: bool = False
    flip_sin_to_cos: bool = True
    freq_shift: Annotated[int, Field(ge=0, le=1)] = 0
    downsample_padding: Annotated[int, Field(ge=0, le=1)] = 1
    mid_block_scale_factor: Positive = 1
    dropout: Share = 0.0
    use_linear_projection: bool = False
    upcast_attention: bool | None = False
    resnet_time_scale_shift: Literal["default", "scale_shift"] = "default"
    resnet_skip_time_act: bool = False
    resnet_out_scale_factor: Positive = 1.0
    conv_in_kernel: Literal[1, 3] = 3
    conv_out_kernel: Literal[1, 3] = 3
    time_embedding_type: Literal["positional"] = "positional"
    time_embedding_dim: Width | None = None
    reverse_transformer_layers_per_block: None = None
    # What follows makes another network: with a second condition, or without the attention that
    # Limn reads.
    only_cross_attention: Literal[False] = False
    mid_block_only_cross_attention: None = None
    dual_cross_attention: Literal[False] = False
    cross_attention_norm: None = None
    attention_type: Literal["default"] = "default"
    encoder_hid_dim: None = None
    encoder_hid_dim_type: None = None
    class_embed_type: None = None
    num_class_embeds: None = None
    class_embeddings_concat: Literal[False] = False
    addition_embed_type: None = None
    addition_time_embed_dim: None = None
    projection_class_embeddings_input_dim: None = None
    time_cond_proj_dim: None = None
    time_embedding_act_fn: None = None
    timestep_post_act: None = None
    quantization_config: None = None


class VAE(Configuration):
    """vae/config.json: an `AutoencoderKL`."""

    class_name: Literal["AutoencoderKL"] = Field("AutoencoderKL", alias="_class_name")
    in_channels: Literal[3] = 3
    out_channels: Literal[3] = 3
    latent_channels: Literal[4] = 4
    block_out_channels: Widths = [64]
    down_block_types: Annotated[
        list[Literal["DownEncoderBlock2D"]], Field(min_length=1, max_length=8)
    ] = ["DownEncoderBlock2D"]
    up_block_types: Annotated[
        list[Literal["UpDecoderBlock2D"]], Field(min_length=1, max_length=8)
    ] = ["UpDecoderBlock2D"]
    layers_per_block: Layers = 1
    act_fn: Literal["silu", "swish", "mish", "gelu"] = "silu"
    norm_num_groups: Annotated[int, Field(ge=1, le=1024)] = 32
    sample_size: Annotated[int, Field(ge=1, le=8192)] = 32
    scaling_factor: Positive = 0.18215
    force_upcast: bool = True
    use_quant_conv: bool = True
    use_post_quant_conv: bool = True
    mid_block_add_attention: bool = True
    # Latents that are shifted or scaled by channel are another family's.
    shift_factor: None = None
    latents_mean: None = None
    latents_std: None = None
    quantization_config: None = None


class TinyVAE(Configuration):
    """vae_tiny/config.json: an `AutoencoderTiny`, a fast decoder for previews."""

    class_name: Literal["AutoencoderTiny"] = Field("AutoencoderTiny", alias="_class_name")
    in_channels: Literal[3] = 3
    out_channels: Literal[3] = 3
    latent_channels: Literal[4] = 4
    encoder_block_out_channels: Widths = [64, 64, 64, 64]
    decoder_block_out_channels: Widths = [64, 64, 64, 64]
    num_encoder_blocks: Annotated[list[Layers], Field(min_length=1, max_length=8)] = [1, 3, 3, 3]
    num_decoder_blocks: Annotated[list[Layers], Field(min_length=1, max_length=8)] = [3, 3, 3, 1]
    act_fn: Literal["relu", "silu", "swish", "mish", "gelu"] = "relu"
    upsample_fn: Literal["nearest", "bilinear"] = "nearest"
    upsampling_scaling_factor: Literal[2] = 2
    latent_magnitude: Positive = 3
    latent_shift: Share = 0.5
    force_upcast: bool = False
    scaling_factor: Positive = 1.0
    quantization_config: None = None


class TextEncoder(Configuration):
    """text_encoder/config.json: a `CLIPTextModel`.

    The fields are the arguments of `CLIPTextConfig`.
    """

    model_type: Literal["clip_text_model"] = "clip_text_model"
    vocab_size: Annotated[int, Field(ge=3, le=1_000_000)] = 49408
    hidden_size: Width = 512
    intermediate_size: Annotated[int, Field(ge=1, le=32_768)] = 2048
    projection_dim: Annotated[int, Field(ge=0, le=8192)] = 512
    num_hidden_layers: Annotated[int, Field(ge=1, le=64)] = 12
    num_attention_heads: Annotated[int, Field(ge=1, le=128)] = 8
    max_position_embeddings: Annotated[int, Field(ge=8, le=1024)] = 77
    hidden_act: Literal["quick_gelu", "gelu"] = "quick_gelu"
    layer_norm_eps: Annotated[float, Field(gt=0, le=0.1)] = 1e-5
    attention_dropout: Share = 0.0
    # Stable Diffusion's own file says 0, 2 and 1, which are no tokens of its; nothing depends on
    # it.
    bos_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] | None = 49406
    eos_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] | None = 49407
    pad_token_id: Annotated[int, Field(ge=0, lt=1_000_000)] | None = 1
    quantization_config: None = None


SCHEDULERS = Literal[
    "DDIMScheduler",
    "DDIMInverseScheduler",
    "DDPMScheduler",
    "DEISMultistepScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSDEScheduler",
    "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "IPNDMScheduler",
    "KDPM2AncestralDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "LCMScheduler",
    "LMSDiscreteScheduler",
    "PNDMScheduler",
    "TCDScheduler",
    "UniPCMultistepScheduler",
]
"""Those that describe the noise by betas.

Which one it is does not matter: an algorithm brings the solver of its paper.
"""


class Scheduler(Configuration):
    """scheduler/scheduler_config.json: the noise of the model's training.

    It is given for each timestep. The arguments are those of `DDIMScheduler` that shape it.
    """

    class_name: SCHEDULERS | None = Field(None, alias="_class_name")
    num_train_timesteps: Annotated[int, Field(ge=1000, le=10_000)] = 1000
    beta_start: Annotated[float, Field(gt=0, lt=1)] = 0.0001
    beta_end: Annotated[float, Field(gt=0, lt=1)] = 0.02
    beta_schedule: Literal["linear", "scaled_linear", "squaredcos_cap_v2"] = "linear"
    trained_betas: (
        Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(max_length=10_000)] | None
    ) = None
    rescale_betas_zero_snr: bool = False
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"

    @model_validator(mode="after")
    def _one_beta_for_each_timestep(self) -> Self:
        if self.trained_betas is not None and len(self.trained_betas) != self.num_train_timesteps:
            raise ValueError(
                f"there are {len(self.trained_betas)} betas for {self.num_train_timesteps} "
                "timesteps"
            )
        return self


Piece = Annotated[str, Field(max_length=512)]


class TokenizerConfig(Configuration):
    """tokenizer/tokenizer_config.json: what its special tokens are.

    Each is a text, or an object that holds it as `content`.
    """

    bos_token: Piece | AddedToken = "<|startoftext|>"
    eos_token: Piece | AddedToken = "<|endoftext|>"
    unk_token: Piece | AddedToken = "<|endoftext|>"
    pad_token: Piece | AddedToken | None = "<|endoftext|>"

    def arguments(self) -> dict[str, Any]:
        """The special tokens as texts, by their names in `CLIPTokenizer`."""
        return {
            name: token.content if isinstance(token, AddedToken) else token
            for name in ("bos_token", "eos_token", "unk_token", "pad_token")
            if (token := getattr(self, name)) is not None
        }


class AddedToken(Configuration):
    """A special token as transformers writes it."""

    content: Piece


class Vocabulary(BaseModel):
    """The byte-pair vocabulary in tokenizer.json, with its merges.

    Nothing else of the file is used.
    """

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    class BytePairs(BaseModel):
        model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

        vocab: dict[Piece, Annotated[int, Field(ge=0, lt=1_000_000)]]
        merges: list[Piece | tuple[Piece, Piece]]

    model: BytePairs
