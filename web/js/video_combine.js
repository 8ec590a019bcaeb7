// What the page does for Video Combine beyond what it does for every node: the preview follows the format,
// gifs move, and the file's prefix may name dates and other nodes' values.
import { app } from "../../../scripts/app.js";

const NODE = "StyleCrafterVideoCombine";
const VIDEOS = ["mp4", "webm"];
const PREVIEW_WIDGETS = ["video-preview", "$$comfy_animation_preview", "$$canvas-image-preview"];

const extensionOf = (output) => output?.images?.[0]?.filename?.split(".").pop();

// The page keeps the player of the first result: a webp after an mp4 would be given to it.
function forgetPreview(node) {
    for (const widget of (node.widgets ?? []).filter(({ name }) => PREVIEW_WIDGETS.includes(name))) {
        widget.onRemove?.();
        node.widgets.splice(node.widgets.indexOf(widget), 1);
    }
    node.videoContainer = node.imgs = node.images = node.animatedImages = undefined;
}

function followFormat(node, output) {
    const extension = extensionOf(output);
    if (!extension) return;
    if (node.shownExtension && node.shownExtension !== extension) forgetPreview(node);
    node.shownExtension = extension;
    node.previewMediaType = VIDEOS.includes(extension) ? "video" : "image";
}

function after(prototype, method, then) {
    const before = prototype[method];
    prototype[method] = function (...given) {
        const result = before?.apply(this, given);
        then.apply(this, given);
        return result;
    };
}

app.registerExtension({
    name: "StyleCrafter.VideoCombine",
    beforeRegisterNodeDef(nodeType, nodeData) {
        if (nodeData.name !== NODE) return;
        after(nodeType.prototype, "onExecuted", function (output) {
            followFormat(this, output);
        });
        // A picture that is not said to be animated is drawn once, on the canvas; a gif said to be animated
        // is given to a video player.
        after(nodeType.prototype, "onDrawBackground", function () {
            if (this.shownExtension === "gif") this.animatedImages = true;
        });
        after(nodeType.prototype, "onNodeCreated", function () {
            const prefix = this.widgets?.find(({ name }) => name === "filename_prefix");
            const replaced = window.comfyAPI?.utils?.applyTextReplacements;
            if (prefix && replaced) prefix.serializeValue = () => replaced(app, prefix.value);
        });
    },
});
