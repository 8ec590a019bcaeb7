"""The methods of the paper's tables and of its ablations: each a workflow, and how its prompt is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylecrafter_core.errors import InputError

from .test_set import Pair

ROOT = Path(__file__).absolute().parents[2]
OURS, OTHERS = ROOT / "workflows" / "api", Path(__file__).parent / "workflows"
PLAIN, IN_WORDS, AS_SKS = "{prompt}", "{prompt} In {style} style.", "{prompt} In sks style."
ONE, SEVERAL = "one reference", "several references"

IP_ADAPTER = "the pack ComfyUI_IPAdapter_plus (github.com/cubiq/ComfyUI_IPAdapter_plus)"
ANIMATEDIFF = "the pack ComfyUI-AnimateDiff-Evolved (github.com/Kosinkadink/ComfyUI-AnimateDiff-Evolved)"
STYLE_ALIGNED = "the pack style_aligned_comfy (github.com/brianfitzgerald/style_aligned_comfy)"
# Where nodes come from that neither the host nor this repository has, by what their ids begin with.
PACKS = {"IPAdapter": IP_ADAPTER, "ADE_": ANIMATEDIFF, "StyleAligned": STYLE_ALIGNED}
# Where the published files of the workflows come from: repositories of Hugging Face.
PUBLISHED = {
    "model.ckpt": "VideoCrafter/Text2Video-512",
    "adapter_v1.pth": "liuhuohuo/StyleCrafter",
    "temporal_v1_1.pth": "liuhuohuo/StyleCrafter",
    "stylecrafter_sdxl.ckpt": "liuhuohuo/StyleCrafter-SDXL",
    "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors": "h94/IP-Adapter, models/image_encoder",
    "ip-adapter-plus_sd15.safetensors": "h94/IP-Adapter, models",
    "v3_sd15_mm.ckpt": "guoyww/animatediff",
    "v1-5-pruned-emaonly-fp16.safetensors": "Comfy-Org/stable-diffusion-v1-5-archive",
    "v2-1_512-ema-pruned.safetensors": "stabilityai/stable-diffusion-2-1-base",
    "sd_xl_base_1.0.safetensors": "stabilityai/stable-diffusion-xl-base-1.0",
}


@dataclass(frozen=True)
class Method:
    """One row or column of a comparison.

    Attributes:
        title: as a table shows it.
        row: of which of the paper's tables; empty for what is only ours.
        workflow: in API form; None where no implementation exists.
        prompt: how it is written: {prompt} is the pair's, {style} the style in words.
        values: for inputs of these names, on top of the workflow's own.
        note: what has to be known of the row.
    """

    title: str
    row: str
    workflow: Path | None
    prompt: str = PLAIN
    values: Mapping[str, Any] | None = None
    note: str = ""

    def words(self, pair: Pair) -> str:
        """The prompt of a pair.

        Raises:
            InputError: it is empty; or the method wants the style in words, and the pair has none.
        """
        if not pair.prompt.strip():
            raise InputError(
                f"Pair {pair.name} has no prompt.",
                found=repr(pair.prompt),
                expected="words for what the result should show",
                fix="write it into the row of the test set",
            )
        style = style_in_words(pair) if "{style}" in self.prompt else ""
        return self.prompt.format(prompt=pair.prompt, style=style)


METHODS: dict[str, Method] = {
    "stylecrafter": Method("StyleCrafter", f"Table 2, {ONE}", OURS / "single_reference_video.json"),
    "stylecrafter_several": Method(
        "StyleCrafter, several references", f"Table 2, {SEVERAL}", OURS / "single_reference_video.json"
    ),
    "videocrafter_words": Method(
        "VideoCrafter*",
        f"Table 2, {ONE}",
        OTHERS / "video_base.json",
        IN_WORDS,
        note="the base alone, the style in words",
    ),
    "videocomposer": Method(
        "VideoComposer",
        f"Table 2, {ONE}",
        None,
        note="no implementation for ComfyUI exists; its nearest kin here is attach_to_text: both give the "
        "style's tokens to the attention that reads the text",
    ),
    "animatediff": Method(
        "AnimateDiff",
        f"Table 2, {SEVERAL}",
        OTHERS / "video_animatediff.json",
        AS_SKS,
        note="the paper fine-tunes it on the references; here the base knows no style but by its name",
    ),
    "image_stylecrafter": Method(
        "StyleCrafter, pictures",
        f"Table 1, {ONE}",
        OURS / "image_with_video_model.json",
        values={"frames": 1},
    ),
    "image_stylecrafter_several": Method(
        "StyleCrafter, pictures, several references",
        f"Table 1, {SEVERAL}",
        OURS / "image_with_video_model.json",
        values={"frames": 1},
    ),
    "sdxl_stylecrafter": Method("StyleCrafter SDXL", f"Table 1, {ONE}", OURS / "sdxl_one_reference.json"),
    "sd_words": Method("SD*", f"Table 1, {ONE}", OTHERS / "image_sd.json", IN_WORDS),
    "sdxl_words": Method("SDXL*", f"Table 1, {ONE}", OTHERS / "image_sdxl.json", IN_WORDS),
    "inst": Method(
        "InST (stand-in)",
        f"Table 1, {ONE}",
        OTHERS / "image_transfer.json",
        note="AdaIN of SD's picture stands in for InST, which has no implementation for ComfyUI",
    ),
    "ip_adapter_plus": Method("IP-Adapter-Plus", f"Table 1, {ONE}", OTHERS / "image_ip_adapter_plus.json"),
    "style_aligned": Method("Style-Aligned", f"Table 1, {ONE}", OTHERS / "image_style_aligned.json"),
    "dreambooth": Method(
        "DreamBooth",
        f"Table 1, {SEVERAL}",
        OTHERS / "image_lora.json",
        AS_SKS,
        note="a LoRA on the references, by ComfyUI's own training node",
    ),
    "attach_to_text": Method(
        "attach to text",
        "Table 4",
        OTHERS / "video_attach_to_text.json",
        note="the paper's number is of an adapter trained so (train.py, model.fusion=attach)",
    ),
    "fixed_gain": Method("gain 1", "Table 4", OTHERS / "video_fixed_gain.json"),
    "no_temporal_stage": Method(
        "no temporal stage",
        "Table 5",
        OURS / "single_reference_video.json",
        values={"temporal_name": "none"},
    ),
    "frame_transfer": Method(
        "AdaIN, frame by frame", "", OTHERS / "video_frame_transfer.json", note="of the base's own video"
    ),
    "video_lora": Method("LoRA on the base", "", OTHERS / "video_lora.json", AS_SKS),
}


def method_named(name: str) -> Method:
    """A shipped method, or a workflow of the user's own by its path.

    Raises:
        InputError: neither.
    """
    if name in METHODS:
        return METHODS[name]
    if name.endswith(".json") and Path(name).is_file():
        return Method(Path(name).stem, "", Path(name))
    raise InputError(
        "There is no such method.",
        found=repr(name),
        expected=f"a workflow file in API form, or one of {', '.join(METHODS)}",
        fix="`python evaluate.py methods` says what each one is",
    )


def style_in_words(pair: Pair) -> str:
    """The row's own words, else those in the name of its reference: "oil_paint_1.jpg" gives "oil paint".

    Raises:
        InputError: the row has none, and its reference is named by numbers alone.
    """
    words = pair.style or " ".join(re.findall(r"[A-Za-z]+", re.sub(r"\d+$", "", pair.references[0].stem)))
    if words:
        return words
    raise InputError(
        f"Pair {pair.name} has no words for its style.",
        found=f"no `style`, and a reference named {pair.references[0].name}",
        expected='a row with "style": "oil painting with thick strokes", say',
        fix="add the key `style` to the rows of the test set",
    )
