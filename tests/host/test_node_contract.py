"""The nodes' contract: workflow files depend on ids, input names, order, types and defaults."""

from __future__ import annotations

from typing import Any

import pytest

REQUIRED, OPTIONAL = False, True
MODEL, ADAPTER, STYLE = "MODEL", "STYLECRAFTER_ADAPTER", "STYLECRAFTER_STYLE"

# node id: ((input, type, default, optional), ...), ((output, type), ...)
CONTRACT: dict[str, tuple[tuple, tuple]] = {
    "StyleCrafterVideoModelLoader": (
        (
            ("ckpt_name", "COMBO", None, REQUIRED),
            ("adapter_name", "COMBO", None, REQUIRED),
            ("temporal_name", "COMBO", None, REQUIRED),
        ),
        ((MODEL, MODEL), ("CLIP", "CLIP"), ("VAE", "VAE"), ("adapter", ADAPTER)),
    ),
    "StyleCrafterAdapterLoader": (
        (("adapter_name", "COMBO", None, REQUIRED),),
        (("adapter", ADAPTER),),
    ),
    "StyleCrafterPatchModel": (
        (("model", MODEL, None, REQUIRED), ("adapter", ADAPTER, None, REQUIRED)),
        ((MODEL, MODEL),),
    ),
    "StyleCrafterImageEncoderLoader": (
        (("encoder_name", "COMBO", None, REQUIRED),),
        (("CLIP_VISION", "CLIP_VISION"),),
    ),
    "StyleCrafterEncodeStyle": (
        (
            ("adapter", ADAPTER, None, REQUIRED),
            ("clip_vision", "CLIP_VISION", None, REQUIRED),
            ("images", "IMAGE", None, REQUIRED),
            ("images_2", "IMAGE", None, OPTIONAL),
            ("images_3", "IMAGE", None, OPTIONAL),
            ("images_4", "IMAGE", None, OPTIONAL),
        ),
        (("style", STYLE),),
    ),
    "StyleCrafterApplyStyle": (
        (
            ("conditioning", "CONDITIONING", None, REQUIRED),
            ("style", STYLE, None, REQUIRED),
            ("strength", "FLOAT", 1.0, REQUIRED),
            ("start_at", "FLOAT", 0.0, REQUIRED),
            ("end_at", "FLOAT", 1.0, REQUIRED),
        ),
        (("CONDITIONING", "CONDITIONING"),),
    ),
    "StyleCrafterGuider": (
        (
            ("model", MODEL, None, REQUIRED),
            ("positive", "CONDITIONING", None, REQUIRED),
            ("negative", "CONDITIONING", None, REQUIRED),
            ("cfg_text", "FLOAT", 16.0, REQUIRED),
            ("cfg_style", "FLOAT", 8.5, REQUIRED),
        ),
        (("GUIDER", "GUIDER"),),
    ),
    "StyleCrafterSampler": (
        (
            ("model", MODEL, None, REQUIRED),
            ("positive", "CONDITIONING", None, REQUIRED),
            ("negative", "CONDITIONING", None, REQUIRED),
            ("latent_image", "LATENT", None, REQUIRED),
            ("seed", "INT", 0, REQUIRED),
            ("steps", "INT", 50, REQUIRED),
            ("cfg_text", "FLOAT", 16.0, REQUIRED),
            ("cfg_style", "FLOAT", 8.5, REQUIRED),
            ("sampler_name", "COMBO", None, REQUIRED),
            ("scheduler", "COMBO", "ddim_uniform", REQUIRED),
            ("denoise", "FLOAT", 1.0, REQUIRED),
        ),
        (("LATENT", "LATENT"),),
    ),
    "StyleCrafterDDIM": ((("eta", "FLOAT", 1.0, REQUIRED),), (("SAMPLER", "SAMPLER"),)),
    "StyleCrafterSetVideoLength": (
        (("model", MODEL, None, REQUIRED), ("frames", "INT", 16, REQUIRED)),
        ((MODEL, MODEL),),
    ),
    "StyleCrafterDualCFG": (
        (("model", MODEL, None, REQUIRED), ("cfg_style", "FLOAT", 8.5, REQUIRED)),
        ((MODEL, MODEL),),
    ),
    "StyleCrafterGuidanceInterval": (
        (
            ("model", MODEL, None, REQUIRED),
            ("start_at", "FLOAT", 0.0, REQUIRED),
            ("end_at", "FLOAT", 1.0, REQUIRED),
        ),
        ((MODEL, MODEL),),
    ),
    "StyleCrafterScaleInspector": (
        (
            ("adapter", ADAPTER, None, REQUIRED),
            ("clip", "CLIP", None, REQUIRED),
            ("prompts", "STRING", "", REQUIRED),
            ("style", STYLE, None, REQUIRED),
            ("style_2", STYLE, None, OPTIONAL),
            ("style_3", STYLE, None, OPTIONAL),
            ("style_4", STYLE, None, OPTIONAL),
        ),
        (("IMAGE", "IMAGE"), ("text", "STRING")),
    ),
    "StyleCrafterMetrics": (
        (
            ("images", "IMAGE", None, REQUIRED),
            ("reference", "IMAGE", None, REQUIRED),
            ("prompt", "STRING", "", REQUIRED),
            ("clip_vision", "CLIP_VISION", None, OPTIONAL),
            ("clip", "CLIP", None, OPTIONAL),
        ),
        (
            ("text", "STRING"),
            ("clip_text", "FLOAT"),
            ("clip_style", "FLOAT"),
            ("clip_temp", "FLOAT"),
            ("copy_score", "FLOAT"),
            ("warp_error", "FLOAT"),
            ("motion", "FLOAT"),
            ("flicker", "FLOAT"),
        ),
    ),
    "StyleCrafterEmptyVideoLatent": (
        (
            ("width", "INT", 512, REQUIRED),
            ("height", "INT", 320, REQUIRED),
            ("frames", "INT", 16, REQUIRED),
            ("batch_size", "INT", 1, REQUIRED),
        ),
        (("LATENT", "LATENT"),),
    ),
    "StyleCrafterVideoCombine": (
        (
            ("images", "IMAGE", None, REQUIRED),
            ("frame_rate", "FLOAT", 8.0, REQUIRED),
            ("loop_count", "INT", 0, REQUIRED),
            ("filename_prefix", "STRING", "StyleCrafter", REQUIRED),
            ("format", "COMBO", "mp4", REQUIRED),
            ("pingpong", "BOOLEAN", False, REQUIRED),
            ("save_output", "BOOLEAN", True, REQUIRED),
            ("crf", "INT", 19, REQUIRED),
            ("save_metadata", "BOOLEAN", True, REQUIRED),
            ("audio", "AUDIO", None, OPTIONAL),
        ),
        (("VIDEO", "VIDEO"), ("path", "STRING")),
    ),
}


def schema_of(pack: Any, node_id: str) -> Any:
    return pack.NODE_CLASS_MAPPINGS[node_id].GET_SCHEMA()


def test_no_node_is_missing_or_new(pack: Any) -> None:
    """A new node belongs into the table above, too; one that was there stays."""
    assert set(pack.NODE_CLASS_MAPPINGS) == set(CONTRACT)


@pytest.mark.parametrize("node_id", CONTRACT)
def test_inputs_and_outputs_stay(pack: Any, node_id: str) -> None:
    schema = schema_of(pack, node_id)
    inputs, outputs = CONTRACT[node_id]
    assert schema.node_id == node_id
    assert (
        tuple((i.id, i.io_type, getattr(i, "default", None), bool(i.optional)) for i in schema.inputs)
        == inputs
    )
    assert tuple((output.display_name, output.io_type) for output in schema.outputs) == outputs
    assert schema.category == "StyleCrafter"


@pytest.mark.parametrize("node_id", CONTRACT)
def test_everything_is_explained(pack: Any, node_id: str) -> None:
    schema = schema_of(pack, node_id)
    assert schema.description
    assert schema.display_name
    assert pack.NODE_DISPLAY_NAME_MAPPINGS[node_id] == schema.display_name
    for socket in (*schema.inputs, *schema.outputs):
        assert socket.tooltip, socket


@pytest.mark.parametrize("node_id", CONTRACT)
def test_defaults_are_allowed(pack: Any, node_id: str) -> None:
    for number in schema_of(pack, node_id).inputs:
        if number.io_type in ("INT", "FLOAT"):
            assert number.min <= number.default <= number.max, number.id


@pytest.mark.parametrize("node_id", CONTRACT)
def test_the_host_understands_the_description(pack: Any, node_id: str) -> None:
    """As /object_info gives it to the browser."""
    node = pack.NODE_CLASS_MAPPINGS[node_id]
    named = {**node.INPUT_TYPES().get("required", {}), **node.INPUT_TYPES().get("optional", {})}
    assert list(named) == [name for name, *_ in CONTRACT[node_id][0]]
    assert tuple(node.RETURN_TYPES) == tuple(kind for _, kind in CONTRACT[node_id][1])
