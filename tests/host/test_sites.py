"""Every text cross-attention of a styled pass gets its style once; the published sizes in the host."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import comfy.supported_models
import comfy.utils
import pytest
import torch
from golden_video import CONFIG, GoldenVideo
from jobs import core
from probe import eps_single

KEYS = Path(__file__).parents[1] / "golden"
SDXL_UNET = {
    **comfy.supported_models.SDXL.unet_config,
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],
    "transformer_depth_middle": 10,
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    "num_heads": -1,
    "num_head_channels": 64,
    "num_classes": "sequential",
    "use_spatial_transformer": True,
    "legacy": False,
}


def published(file: str, title: str) -> Any:
    content = json.loads((KEYS / file).read_text())
    return next(value for key, value in content.items() if key.startswith(title))


def on_meta(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def millions(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def adapter_file(pack: Any, file: str, title: str) -> Any:
    content = core(pack, "formats").TensorFile(on_meta(published(file, title)), {})
    return core(pack, "formats.readers").adapter_of(content, file)


@pytest.fixture(scope="module")
def base(pack: Any) -> Any:
    tensors = on_meta(published("official_video_keys.json", "videocrafter_unet"))
    content = core(pack, "formats").TensorFile(tensors, {})
    return core(pack, "formats.readers").video_base_of(content, "model.ckpt")


@pytest.fixture(scope="module")
def video_unet(pack: Any, base: Any) -> Any:
    build = core(pack, "comfy_host.model").build_model
    return build(base.unet_spec, torch.float16, None, "meta").diffusion_model


@pytest.fixture
def hits(pack: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple]]:
    """(site, place) of every style attention that runs."""
    attention = core(pack, "comfy_host.networks").ReplacedAttention
    seen: list[tuple[int, tuple]] = []

    def counted(self: Any, q: Any, k: Any, v: Any, extra_options: dict) -> Any:
        seen.append((self.index, (*extra_options["block"], extra_options["block_index"])))
        return call(self, q, k, v, extra_options)

    call = attention.__call__
    monkeypatch.setattr(attention, "__call__", counted)
    return seen


def test_every_site_once_in_a_styled_pass(golden: GoldenVideo, pack: Any, hits: list) -> None:
    eps_single(golden.model, golden.styled(0), golden.x(0), golden.timestep(0))
    assert Counter(site for site, _ in hits) == dict.fromkeys(range(CONFIG["n_cross_attention_layers"]), 1)
    unet = golden.model.get_model_object("diffusion_model")
    sites = core(pack, "comfy_host.networks").sites_for(golden.adapter.spec, unet)
    assert [place for _, place in hits] == [site.key for site in sites]


def test_every_sdxl_site_once_in_a_styled_pass(golden_sdxl: Any, pack: Any, hits: list) -> None:
    eps_single(golden_sdxl.model, golden_sdxl.styled(0), golden_sdxl.x(0), golden_sdxl.timestep(0))
    unet = golden_sdxl.model.get_model_object("diffusion_model")
    sites = core(pack, "comfy_host.networks").sites_for(golden_sdxl.adapter.spec, unet)
    assert sorted(hits) == [(index, site.key) for index, site in enumerate(sites)]


@pytest.mark.parametrize("which", ["text", "empty"])
def test_no_site_in_a_pass_without_style(golden: GoldenVideo, hits: list, which: str) -> None:
    eps_single(golden.model, getattr(golden, which)(0), golden.x(0), golden.timestep(0))
    assert hits == []


def test_published_video_unet_in_the_host(pack: Any, base: Any, video_unet: Any) -> None:
    official = published("official_video_keys.json", "videocrafter_unet")
    assert len(official) == len(base.unet) == 1196
    in_host = {name: tuple(weight.shape) for name, weight in video_unet.state_dict().items()}
    assert in_host == {name: tuple(tensor.shape) for name, tensor in base.unet.items()}
    assert millions(video_unet) == pytest.approx(1144.5, abs=0.05)


def test_published_temporal_blocks_in_the_host(pack: Any, video_unet: Any) -> None:
    kind = core(pack, "temporal").TemporalTransformer
    blocks = [module for module in video_unet.modules() if isinstance(module, kind)]
    assert len(blocks) == 17
    assert sum(map(millions, blocks)) == pytest.approx(278.6, abs=0.05)


def test_published_video_sites_in_the_host(pack: Any, video_unet: Any) -> None:
    file = adapter_file(pack, "official_video_keys.json", "videocrafter_adapter")
    module = core(pack, "adapter").StyleAdapter(file.spec, "meta", device="meta")
    assert millions(module) == pytest.approx(111.2, abs=0.05)
    sites = core(pack, "comfy_host.networks").sites_for(file.spec, video_unet)
    assert sites == file.spec.sites
    assert len(sites) == 16


def test_published_sdxl_sites_in_the_host(pack: Any) -> None:
    """The order is held to diffusers' own, through the host's table of names."""
    config = comfy.supported_models.SDXL(SDXL_UNET)
    config.set_inference_dtype(torch.float16, None)
    unet = config.get_model({}, device="meta").diffusion_model
    file = adapter_file(pack, "official_sdxl_keys.json", "stylecrafter_sdxl_adapter")
    sites = core(pack, "comfy_host.networks").sites_for(file.spec, unet)
    assert sites == core(pack, "families").FAMILIES["sdxl"].published.sites

    names = comfy.utils.unet_to_diffusers(SDXL_UNET)
    order = [
        names[processor.replace(".processor", ".to_q.weight")]
        for processor in published("official_sdxl_keys.json", "attn_processor_order")
        if ".attn2." in processor
    ]
    assert len(order) == 70
    assert [name.split(".transformer_blocks.")[0] for name in order] == [
        "middle_block.1" if site.block == "middle" else f"{site.block}_blocks.{site.number}.1"
        for site in sites
    ]
    assert [int(name.split(".transformer_blocks.")[1].split(".")[0]) for name in order] == [
        site.index for site in sites
    ]
