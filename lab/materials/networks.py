"""Small untrained networks in the layouts of the published video family. The host must be active.

All draw from one generator, in the order in which they are called.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylecrafter_core.adapter import StyleAdapter
from stylecrafter_core.formats import adapter_to_official, temporal_to_official
from stylecrafter_core.spec import (
    AdapterSpec,
    ScalePredictorSpec,
    Site,
    StyleTransformerSpec,
    TemporalBlockSpec,
    UNetSpec,
)

Shapes = dict[str, tuple[int, ...]]
Tensors = dict[str, Tensor]

CONTEXT, CLIP_WIDTH, FRAMES = 64, 128, 16
TEXT_LAYERS, VISION_LAYERS = 3, 2
VOCABULARY, TEXT_LENGTH = 49408, 77
FIRST_TEMPORAL, FIRST_HEADS = "input_blocks.0.1", 8


def unet_spec(model_channels: int, head_dim: int, channel_mult: tuple[int, ...] = (1, 2)) -> UNetSpec:
    """A video U-Net with one residual block per level on the way down, two on the way up, and attention
    everywhere; level i is `channel_mult[i] * model_channels` wide, heads are `head_dim` wide, but for the
    eight of the first temporal block."""
    widths = [factor * model_channels for factor in channel_mult]
    levels = len(widths)
    places = {FIRST_TEMPORAL: model_channels}
    places |= {f"input_blocks.{2 * level + 1}.2": width for level, width in enumerate(widths)}
    places["middle_block.2"] = widths[-1]
    upwards = [width for width in reversed(widths) for _ in range(2)]
    places |= {f"output_blocks.{number}.2": width for number, width in enumerate(upwards)}
    blocks = tuple(_temporal_block(name, channels, head_dim) for name, channels in places.items())
    return UNetSpec(
        in_channels=4,
        out_channels=4,
        model_channels=model_channels,
        channel_mult=channel_mult,
        num_res_blocks=(1,) * levels,
        transformer_depth=(1,) * levels,
        transformer_depth_middle=1,
        transformer_depth_output=(1,) * 2 * levels,
        context_dim=CONTEXT,
        head_dim=head_dim,
        linear_projections=True,
        temporal_blocks=blocks,
    )


def _temporal_block(name: str, channels: int, head_dim: int) -> TemporalBlockSpec:
    if name == FIRST_TEMPORAL:
        return TemporalBlockSpec(name, channels, FIRST_HEADS, channels // FIRST_HEADS, FRAMES, convolves=True)
    return TemporalBlockSpec(name, channels, channels // head_dim, head_dim, FRAMES, convolves=False)


def unet_tensors(spec: UNetSpec, generator: torch.Generator) -> Tensors:
    """Random tensors of a video U-Net, in the host's names and ours; its output is a tenth as large."""
    from stylecrafter_core.comfy_host.model import build_model

    network = build_model(spec, torch.float32, None, "meta").diffusion_model
    tensors = random_tensors({name: tuple(t.shape) for name, t in network.state_dict().items()}, generator)
    tensors["out.2.weight"] *= 0.1
    return tensors


def published_unet(spec: UNetSpec, tensors: Tensors) -> tuple[Tensors, Tensors]:
    """The tensors of a video U-Net in the published names: the spatial ones, and the temporal ones."""
    places = tuple(f"{block.name}." for block in spec.temporal_blocks)
    inside = {name: tensor for name, tensor in tensors.items() if name.startswith(places)}
    nested = temporal_to_official(spec.temporal_blocks, inside)
    temporal = {f"{block}.{name}": t for block, state in nested.items() for name, t in state.items()}
    return {name: tensor for name, tensor in tensors.items() if name not in inside}, temporal


def published_base(unet: Tensors, text: Tensors, autoencoder: Tensors) -> Tensors:
    """One base checkpoint from its three parts in published names."""
    parts = {
        "model.diffusion_model": unet,
        "cond_stage_model.model": text,
        "first_stage_model": autoencoder,
    }
    return {f"{prefix}.{name}": t for prefix, tensors in parts.items() for name, t in tensors.items()}


def text_tensors(generator: torch.Generator) -> Tensors:
    """A random text tower in open_clip's layout."""
    shapes: Shapes = {
        "token_embedding.weight": (VOCABULARY, CONTEXT),
        "positional_embedding": (TEXT_LENGTH, CONTEXT),
        "text_projection": (CONTEXT, CONTEXT),
        "logit_scale": (),
        **_norm("ln_final", CONTEXT),
        **_open_clip_blocks(TEXT_LAYERS, CONTEXT),
    }
    return random_tensors(shapes, generator)


def vision_tensors(grid: int, patch: int, generator: torch.Generator) -> Tensors:
    """A random vision tower in open_clip's layout, for pictures of `grid` × `patch` pixels a side."""
    shapes: Shapes = {
        "class_embedding": (CLIP_WIDTH,),
        "positional_embedding": (grid**2 + 1, CLIP_WIDTH),
        "conv1.weight": (CLIP_WIDTH, 3, patch, patch),
        "proj": (CLIP_WIDTH, CONTEXT),
        **_norm("ln_pre", CLIP_WIDTH),
        **_norm("ln_post", CLIP_WIDTH),
        **_open_clip_blocks(VISION_LAYERS, CLIP_WIDTH),
    }
    return random_tensors({f"visual.{name}": shape for name, shape in shapes.items()}, generator)


def adapter_tensors(unet: UNetSpec, generator: torch.Generator) -> Tensors:
    """A random style adapter for a U-Net of `unet_spec`, in the published video names."""
    narrow, wide = unet.model_channels, 2 * unet.model_channels
    places = [("input", 1, narrow), ("input", 3, wide), ("middle", 0, wide)]
    places += [("output", number, channels) for number, channels in enumerate((wide, wide, narrow, narrow))]
    sites = tuple(Site(block, number, 0, channels) for block, number, channels in places)
    spec = AdapterSpec(
        family="video",
        style_transformer=StyleTransformerSpec(8, CLIP_WIDTH, 2, 8, CONTEXT),
        scale_predictor=ScalePredictorSpec(len(sites), CONTEXT, 2, 8, CONTEXT, False, False, False, 32),
        site_channels=tuple(site.channels for site in sites),
        sites=sites,
        context_dim=CONTEXT,
        normalises_style=True,
    )
    shapes = {name: tuple(t.shape) for name, t in StyleAdapter(spec, device="meta").state_dict().items()}
    return adapter_to_official(spec, random_tensors(shapes, generator))


def _norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _open_clip_blocks(layers: int, width: int) -> Shapes:
    block = {
        "attn.in_proj_weight": (3 * width, width),
        "attn.in_proj_bias": (3 * width,),
        "attn.out_proj.weight": (width, width),
        "attn.out_proj.bias": (width,),
        "mlp.c_fc.weight": (4 * width, width),
        "mlp.c_fc.bias": (4 * width,),
        "mlp.c_proj.weight": (width, 4 * width),
        "mlp.c_proj.bias": (width,),
        **_norm("ln_1", width),
        **_norm("ln_2", width),
    }
    return {
        f"transformer.resblocks.{layer}.{name}": shape
        for layer in range(layers)
        for name, shape in block.items()
    }


def random_tensors(shapes: Shapes, generator: torch.Generator) -> Tensors:
    """Ones for the gains of norms, zeros for biases, else normal values scaled by the number of inputs."""
    tensors = {}
    for name, shape in shapes.items():
        if name.endswith(("bias", "vae_shift")):
            tensors[name] = torch.zeros(shape)
        elif len(shape) < 2 and "embedding" not in name:
            tensors[name] = torch.ones(shape)
        else:
            inputs = torch.Size(shape[1:]).numel()
            tensors[name] = torch.randn(shape, generator=generator) * inputs**-0.5
    return tensors
