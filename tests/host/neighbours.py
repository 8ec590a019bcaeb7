"""What artists put around our nodes, small enough for the recorded networks. Host imports happen on use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Neighbour:
    """Something that stands before or behind our patch.

    Attributes:
        before, after: change the MODEL before and after our patch.
        around: change the conditionings.
        guider: (model, positive, text, negative, scales) to a GUIDER that takes the place of the plain one;
            only SamplerCustomAdvanced has a place for it. `text` is the positive prompt without a style.
    """

    before: Callable[[Any], Any] = field(default=lambda model: model)
    after: Callable[[Any], Any] = field(default=lambda model: model)
    around: Callable[[Any, list, list], tuple[list, list]] = field(
        default=lambda model, positive, negative: (positive, negative)
    )
    guider: Callable[[Any, list, list, list, tuple[float, float]], Any] | None = None


def attn2_keys(model: Any) -> list[tuple[str, int, int]]:
    """Keys of all text cross-attentions of a host U-Net."""
    from comfy.ldm.modules.attention import SpatialTransformer

    unet = model.get_model_object("diffusion_model")
    sequences = [("input", i, s) for i, s in enumerate(unet.input_blocks)]
    sequences += [("middle", 0, unet.middle_block)]
    sequences += [("output", i, s) for i, s in enumerate(unet.output_blocks)]
    return [
        (block, number, index)
        for block, number, sequence in sequences
        for layer in sequence
        if isinstance(layer, SpatialTransformer)
        for index in range(len(layer.transformer_blocks))
    ]


def with_lora(model: Any) -> Any:
    """A strong LoRA on every text query projection."""
    import comfy.sd

    generator = torch.Generator().manual_seed(5)
    lora = {}
    for name, weight in model.model_state_dict().items():
        if name.endswith("attn2.to_q.weight"):
            key = name.removesuffix(".weight")
            rows, columns = weight.shape
            lora[f"{key}.lora_up.weight"] = torch.randn(rows, 2, generator=generator)
            lora[f"{key}.lora_down.weight"] = torch.randn(2, columns, generator=generator)
    assert lora
    return comfy.sd.load_lora_for_models(model, None, lora, 0.5, 0.0)[0]


def with_foreign_attention(model: Any) -> Any:
    """A pack that takes every attn2 slot and damps the text branch."""
    from comfy.ldm.modules.attention import optimized_attention

    def damped(q: Tensor, k: Tensor, v: Tensor, extra_options: dict) -> Tensor:
        return 0.5 * optimized_attention(q, k, v, extra_options["n_heads"])

    clone = model.clone()
    for key in attn2_keys(model):
        clone.set_model_attn2_replace(damped, *key)
    return clone


def with_context_windows(run_node: Callable) -> Callable[[Any], Any]:
    """The host's context windows, shorter than the latent."""

    def apply(model: Any) -> Any:
        return run_node(
            "ContextWindowsManual",
            model=model,
            context_length=2,
            context_overlap=1,
            context_schedule="standard_static",
            context_stride=1,
            closed_loop=False,
            fuse_method="pyramid",
            dim=0,
        )[0]

    return apply


def with_node(run_node: Callable, node_id: str, **inputs: Any) -> Callable[[Any], Any]:
    """A node of the host that changes a MODEL."""
    return lambda model: run_node(node_id, model=model, **inputs)[0]


def with_controlnet(run_node: Callable) -> Callable[[Any, list, list], tuple[list, list]]:
    """A random ControlNet on both conditionings."""

    def apply(model: Any, positive: list, negative: list) -> tuple[list, list]:
        import comfy.cldm.cldm
        import comfy.controlnet

        config = dict(model.model.model_config.unet_config)
        for name in ("out_channels", "transformer_depth_output", "use_temporal_attention", "temporal_blocks"):
            config.pop(name, None)
        with torch.random.fork_rng():
            torch.manual_seed(3)
            network = comfy.cldm.cldm.ControlNet(hint_channels=3, **config, device="cpu").eval()
            for parameter in network.parameters():
                torch.nn.init.normal_(parameter, std=0.1)
        control = comfy.controlnet.ControlNet(network, load_device=torch.device("cpu"))
        return run_node(
            "ControlNetApplyAdvanced",
            positive=positive,
            negative=negative,
            control_net=control,
            image=torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(4)),
            strength=1.0,
            start_percent=0.0,
            end_percent=1.0,
        )

    return apply


CACHE = {"reuse_threshold": 0.2, "start_percent": 0.0, "end_percent": 1.0, "verbose": False}


def with_merge(run_node: Callable, model: Any) -> Any:
    """Half of the model, half of itself with a LoRA; what is on the first model stays."""
    return run_node("ModelMergeSimple", model1=model, model2=with_lora(model), ratio=0.5)[0]


def three_way_guider(run_node: Callable) -> Callable[[Any, list, list, list, tuple[float, float]], Any]:
    """The host's DualCFGGuider with our two scales: styled prompt, bare prompt, negative prompt."""

    def make(model: Any, positive: list, text: list, negative: list, scales: tuple[float, float]) -> Any:
        cfg_text, cfg_style = scales
        return run_node(
            "DualCFGGuider",
            model=model,
            cond1=positive,
            cond2=text,
            negative=negative,
            cfg_conds=cfg_style,
            cfg_cond2_negative=cfg_text,
            style="regular",
        )[0]

    return make


def all_neighbours(run_node: Callable) -> dict[str, Neighbour]:
    """The matrix's rows."""
    pag = with_node(run_node, "PerturbedAttentionGuidance", scale=3.0)
    rescale = with_node(run_node, "RescaleCFG", multiplier=0.7)
    return {
        "nothing": Neighbour(),
        "lora": Neighbour(before=with_lora),
        "controlnet": Neighbour(around=with_controlnet(run_node)),
        "foreign attention before": Neighbour(before=with_foreign_attention),
        "foreign attention after": Neighbour(after=with_foreign_attention),
        "context windows": Neighbour(after=with_context_windows(run_node)),
        "pag": Neighbour(after=pag),
        "rescale cfg": Neighbour(after=rescale),
        "three-way guider": Neighbour(guider=three_way_guider(run_node)),
        "easy cache": Neighbour(after=with_node(run_node, "EasyCache", **CACHE)),
        "lazy cache": Neighbour(after=with_node(run_node, "LazyCache", **CACHE)),
        "tome": Neighbour(after=with_node(run_node, "TomePatchModel", ratio=0.5)),
        "hyper tile": Neighbour(
            after=with_node(run_node, "HyperTile", tile_size=32, swap_size=2, max_depth=2, scale_depth=False)
        ),
        "sag": Neighbour(after=with_node(run_node, "SelfAttentionGuidance", scale=0.5, blur_sigma=2.0)),
        "cfg zero star": Neighbour(after=with_node(run_node, "CFGZeroStar")),
        "differential diffusion": Neighbour(after=with_node(run_node, "DifferentialDiffusion")),
        "merge": Neighbour(after=lambda model: with_merge(run_node, model)),
    }
