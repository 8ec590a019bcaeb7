"""Any base that the host can load, as training needs it: encoders without gradient, schedule, U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_base
import comfy.model_management
import comfy.sd
import comfy.utils
import torch
from torch import Tensor, nn

from ...comfy_host.latents import empty_video_latent
from ...comfy_host.load import load_video_model
from ...comfy_host.networks import network_of
from ...comfy_host.vision import encode_clip_pixels, load_image_encoder
from ...errors import MismatchError, WeightFileError
from ...families import Objective
from ...formats import is_video_base, read_tensors
from ...spec import SizeIds, TemporalBlockSpec
from .text_encoder import load_text_encoder

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class FrozenBase:
    """A base model in the host, frozen.

    Attributes:
        name: the file's, for messages.
        model: the host's MODEL.
        clip, vae: the host's CLIP and VAE.
        clip_vision: the host's CLIP_VISION of the image encoder.
    """

    name: str
    model: Any
    clip: Any
    vae: Any
    clip_vision: Any

    @property
    def unet(self) -> nn.Module:
        """The host's diffusion model."""
        return self.model.model.diffusion_model

    @property
    def temporal_blocks(self) -> tuple[TemporalBlockSpec, ...]:
        """The U-Net's temporal blocks; none for an image model."""
        return getattr(self.unet, "temporal_blocks", ())

    @property
    def predicts_velocity(self) -> bool:
        """Whether the U-Net predicts v instead of the noise."""
        return self.model.model.model_type == comfy.model_base.ModelType.V_PREDICTION

    @property
    def objective(self) -> Objective:
        """What the model has learnt, in the words of `families.Family`."""
        flows = self.model.model.model_type == comfy.model_base.ModelType.FLOW
        return "flow matching" if flows else "diffusion"

    @property
    def flow_shift(self) -> float:
        """The shift of a flow, as the host samples it."""
        return self.model.model.model_sampling.shift

    @property
    def frames_per_latent(self) -> int:
        """Frames of a video in one latent frame; the first frame has one of its own where it is above 1."""
        return self.vae.temporal_compression_decode() or 1

    @property
    def pixels_per_latent(self) -> int:
        """Pixels of a picture in one place of its latent: 8² for most autoencoders, 16² for Wan 2.2's."""
        return self.vae.spacial_compression_decode() ** 2

    def alphas_cumprod(self) -> Tensor:
        """[1000] float32: `ᾱ_t = 1 / (1 + σ_t²)` of the host's own schedule."""
        return 1 / (1 + self.model.model.model_sampling.sigmas.float().cpu() ** 2)

    @torch.no_grad()
    def encode_pixels(self, pixels_R3HW: Tensor) -> Tensor:
        """[R, 3, H, W] in 0..1 to latents [R', C, H/8, W/8] in the scale that the U-Net is trained in.

        R' is R, or with an autoencoder over time the number of its latent frames.
        """
        latents = self.model.model.process_latent_in(self.vae.encode(pixels_R3HW.movedim(1, -1))).float()
        return latents[0].movedim(0, 1) if latents.ndim == 5 else latents

    @torch.no_grad()
    def encode_text(self, prompt: str) -> tuple[Tensor, Tensor | None]:
        """Text tokens [1, N, D] and the pooled text [1, P], where the text encoder gives one; float32.

        One prompt at a time: the host pads several to the longest, which changes their tokens.
        """
        tokens, pooled = self.clip.encode_from_tokens(self.clip.tokenize(prompt), return_pooled=True)
        return tokens.float().cpu(), None if pooled is None else pooled.float().cpu()

    def encode_style(self, pixels_B3SS: Tensor, clip_tokens: str) -> Tensor:
        """Preprocessed style pictures [B, 3, S, S] to CLIP tokens [B, L, W] of a contract in `features`."""
        return encode_clip_pixels(self.clip_vision, pixels_B3SS, clip_tokens)

    @property
    def scheduler(self) -> str:
        """The host's scheduler of sampling as trained."""
        return "simple" if self.objective == "flow matching" else "ddim_uniform"

    def empty_latent(self, width: int, height: int, num_frames: int, videos: int) -> dict[str, Any]:
        """The host's LATENT of that many videos with nothing in them; sizes in pixels."""
        form = self.model.model.latent_format
        if form.latent_dimensions == 2:
            samples = empty_video_latent(width, height, num_frames, videos)
            return {"samples": samples, "frames": num_frames}
        frames = 1 + (num_frames - 1) // self.frames_per_latent
        side = self.vae.spacial_compression_decode()
        shape = (videos, form.latent_channels, frames, height // side, width // side)
        return {"samples": torch.zeros(shape)}

    @torch.no_grad()
    def decode(self, latent: dict[str, Any], videos: int) -> Tensor:
        """Frames [videos, T, H, W, 3] in 0..1 of a LATENT in the host's scale, on the CPU."""
        frames = self.vae.decode(latent["samples"]).cpu().float().clamp(0, 1)
        return frames.reshape(videos, -1, *frames.shape[-3:])

    @property
    def style_pixels(self) -> int:
        """The side of the square picture that the image encoder reads."""
        return self.clip_vision.image_size

    @property
    def clip_width(self) -> int:
        """The width of the image encoder's tokens."""
        return self.clip_vision.model.vision_model.embeddings.class_embedding.shape[-1]

    @property
    def reads_adm(self) -> bool:
        """Whether the U-Net reads pooled text and sizes (SDXL)."""
        return getattr(self.unet, "num_classes", None) is not None

    def adm(self, pooled_BP: Tensor, sizes: Sequence[SizeIds]) -> Tensor:
        """[B, A]: the base's own embedding of pooled text and sizes, in float32."""
        rows = [
            self.model.model.encode_adm(
                device=pooled_BP.device,
                pooled_output=pooled[None],
                width=size.width,
                height=size.height,
                crop_w=size.crop_left,
                crop_h=size.crop_top,
                target_width=size.target_width,
                target_height=size.target_height,
            )
            for pooled, size in zip(pooled_BP, sizes, strict=True)
        ]
        return torch.cat(rows).float()


@dataclass(frozen=True)
class SeparateParts:
    """Files of a base that is not one checkpoint; None where the part is in the checkpoint.

    Attributes:
        text_encoder_type: a name of the host's Load CLIP, as "wan".
    """

    text_encoder: Path | None = None
    vae: Path | None = None
    text_encoder_type: str = "wan"


def load_base(
    checkpoint: Path,
    temporal: Path | None,
    image_encoder: Path,
    dtype: str,
    parts: SeparateParts = SeparateParts(),
) -> FrozenBase:
    """A base of any kind, frozen, with its encoders.

    Args:
        checkpoint: the published video base, or any checkpoint of a U-Net that the host loads.
        temporal: temporal weights in place of the video base's.
        image_encoder: a CLIP vision tower.
        dtype: "float32", "float16" or "bfloat16": of the U-Net's weights.
        parts: of a base in several files (Wan).

    Raises:
        InputError: there is no text encoder of the type that is named.
        WeightFileError: a file cannot be read, or lacks what training needs.
        MismatchError: the model is no U-Net with a discrete noise schedule; temporal weights do not fit.
    """
    comfy.utils.set_progress_bar_enabled(False)  # one bar per sampled picture would bury the run's own
    if parts.text_encoder is not None or parts.vae is not None:
        model, clip, vae = _load_parts(checkpoint, temporal, parts)
    elif is_video_base(read_tensors(checkpoint).tensors):
        model, clip, vae = load_video_model(checkpoint, None, temporal)
    else:
        model, clip, vae = _load_any(checkpoint, temporal)
    _require(checkpoint, clip, vae, model)
    unet = model.model.diffusion_model
    _set_dtype(unet, DTYPES[dtype])
    for part in (unet, clip.cond_stage_model, vae.first_stage_model):
        part.eval().requires_grad_(False)
    clip_vision = load_image_encoder(image_encoder)
    clip_vision.model.eval().requires_grad_(False)
    return FrozenBase(checkpoint.name, model, clip, vae, clip_vision)


def temporal_tensors(unet: nn.Module) -> dict[str, Tensor]:
    """The temporal blocks' weights by their names in the U-Net; empty for an image model."""
    places = tuple(f"{block.name}." for block in getattr(unet, "temporal_blocks", ()))
    return {name: tensor for name, tensor in unet.state_dict().items() if name.startswith(places or ("\0",))}


def _load_parts(checkpoint: Path, temporal: Path | None, parts: SeparateParts) -> tuple[Any, Any, Any]:
    _refuse_temporal(checkpoint, temporal)
    model, clip, vae = comfy.sd.load_diffusion_model(str(checkpoint)), None, None
    if parts.text_encoder is not None:
        clip = load_text_encoder(parts.text_encoder, parts.text_encoder_type)
    if parts.vae is not None:
        vae = comfy.sd.VAE(sd=comfy.utils.load_torch_file(str(parts.vae)))
    return model, clip, vae


def _load_any(checkpoint: Path, temporal: Path | None) -> tuple[Any, Any, Any]:
    _refuse_temporal(checkpoint, temporal)
    model, clip, vae, _ = comfy.sd.load_checkpoint_guess_config(str(checkpoint))
    return model, clip, vae


def _refuse_temporal(checkpoint: Path, temporal: Path | None) -> None:
    if temporal is not None:
        raise MismatchError(
            f"Temporal weights were given for {checkpoint.name}, which has no temporal blocks.",
            found=str(temporal),
            expected="a VideoCrafter base",
            fix="leave out base.temporal, or use the video base",
        )


def _set_dtype(unet: Any, dtype: torch.dtype) -> None:
    """Weights in dtype; norms and Wan's first layer stay float32, as they are computed, and weigh little."""
    unet.to(dtype)
    unet.dtype = dtype
    for module in unet.modules():
        if isinstance(module, nn.GroupNorm | nn.LayerNorm | nn.Conv3d):
            module.float()


def _require(checkpoint: Path, clip: Any, vae: Any, model: Any) -> None:
    missing = [name for name, part in (("text encoder", clip), ("VAE", vae)) if part is None]
    if missing:
        raise WeightFileError(
            f"{checkpoint.name} cannot be trained on: its {' and '.join(missing)} is missing.",
            expected="a checkpoint with U-Net, text encoder and VAE",
            fix="use the full checkpoint, or name the files of the other parts (base.text_encoder, base.vae)",
        )
    kinds = comfy.model_base.ModelType
    unet = model.model.diffusion_model
    if model.model.model_type not in (kinds.EPS, kinds.V_PREDICTION, kinds.FLOW) or network_of(unet) is None:
        raise MismatchError(
            f"{checkpoint.name} is not a model that a style adapter can be trained for.",
            found=f"{type(unet).__name__}, trained as {model.model.model_type.name}",
            expected="a U-Net that predicts noise or velocity (VideoCrafter, SD 1.5, SD 2.1, SDXL), or Wan",
            fix="give another file as base.checkpoint",
        )
