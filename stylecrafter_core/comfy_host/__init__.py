"""The border to ComfyUI: the only package of the core that imports the host."""
