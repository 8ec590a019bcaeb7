"""The sockets: what an artist sees. Each node is a description and one call inwards."""

from .example_pictures import place_pictures
from .guidance import StyleCrafterDualCFG, StyleCrafterGuidanceInterval, StyleCrafterGuider
from .inspection import StyleCrafterScaleInspector
from .loaders import (
    StyleCrafterAdapterLoader,
    StyleCrafterImageEncoderLoader,
    StyleCrafterPatchModel,
    StyleCrafterVideoModelLoader,
)
from .metrics import StyleCrafterMetrics
from .model_files import register_folder
from .sampling import StyleCrafterDDIM, StyleCrafterSampler, StyleCrafterSetVideoLength
from .style import StyleCrafterApplyStyle, StyleCrafterEncodeStyle
from .video import StyleCrafterEmptyVideoLatent, StyleCrafterVideoCombine

register_folder()
place_pictures()

_NODES = (
    StyleCrafterVideoModelLoader,
    StyleCrafterAdapterLoader,
    StyleCrafterPatchModel,
    StyleCrafterImageEncoderLoader,
    StyleCrafterEncodeStyle,
    StyleCrafterApplyStyle,
    StyleCrafterGuider,
    StyleCrafterSampler,
    StyleCrafterDDIM,
    StyleCrafterSetVideoLength,
    StyleCrafterDualCFG,
    StyleCrafterGuidanceInterval,
    StyleCrafterScaleInspector,
    StyleCrafterMetrics,
    StyleCrafterEmptyVideoLatent,
    StyleCrafterVideoCombine,
)

NODE_CLASS_MAPPINGS = {node.GET_SCHEMA().node_id: node for node in _NODES}
NODE_DISPLAY_NAME_MAPPINGS = {
    name: node.GET_SCHEMA().display_name for name, node in NODE_CLASS_MAPPINGS.items()
}
