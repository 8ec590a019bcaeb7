"""StyleCrafter for ComfyUI: the door through which the host comes in."""

# A test runner imports this file as a plain module, outside any package; then there is nothing to offer.
if __package__:
    from .nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

    WEB_DIRECTORY = "./web"
    __all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
