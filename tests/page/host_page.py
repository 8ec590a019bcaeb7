"""ComfyUI's page in a headless Chromium: opens workflows, runs them, says where things are drawn."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response, Route

PACK = "stylecrafter"
CLASSIC, NODES_2 = "classic", "nodes2"
READY = "() => window.app?.extensionManager && window.app.graph && window.app.canvas?.ds"
SETTLE_MS, MOST_SETTLES = 300, 100  # pictures and sizes come a moment after a workflow
PATIENCE_MS = 120_000  # on a busy machine

# In the coordinates of the screen, so that both kinds of nodes compare with groups.
BOXES = """() => {
  const { canvas, graph } = window.app, { scale, offset } = canvas.ds;
  const at = canvas.canvas.getBoundingClientRect();
  const onScreen = (x, y, w, h) => [
    (x + offset[0]) * scale + at.x, (y + offset[1]) * scale + at.y, w * scale, h * scale];
  const drawn = (node) => {
    const element = document.querySelector(`[data-node-id="${node.id}"]`);
    if (!element) return onScreen(node.pos[0], node.pos[1] - 30, node.size[0], node.size[1] + 30);
    const { x, y, width, height } = element.getBoundingClientRect();
    return [x, y, width, height];
  };
  return {
    nodes: Object.fromEntries(graph.nodes.map((node) => [`${node.id} ${node.title}`, drawn(node)])),
    groups: Object.fromEntries(graph.groups.map((group) => [group.title,
      onScreen(...group.pos, ...group.size)])),
  };
}"""
LOAD = """async ([workflow, name]) => { await window.app.loadGraphData(workflow, true, true, name); }"""
LOADED = """() => [...document.querySelectorAll("img[src], video[src]")].filter((media) => media.offsetWidth)
  .every((media) => media.complete ?? media.readyState > 1)"""
QUEUE = "() => window.app.queuePrompt(0)"
DROP = """([content, name, type]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name, { type }));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
}"""
GRAPH = """() => window.app.graph.serialize().nodes
  .map(({ type, widgets_values }) => [type, JSON.stringify(widgets_values ?? null)]).sort()"""

Box = tuple[float, float, float, float]  # left, top, width, height


@dataclass
class HostPage:
    """One tab.

    Attributes:
        address: of the server.
        tab: playwright's page.
        pictures: folder for screenshots.
        errors: what the page complained about since `forget_errors`; the outside world is left out.
    """

    address: str
    tab: Page
    pictures: Path
    errors: list[str] = field(default_factory=list)

    @classmethod
    def open(
        cls, context: BrowserContext, address: str, pictures: Path, settings: Mapping[str, Any]
    ) -> HostPage:
        """A new tab of a user who has these settings and has seen the host's introduction."""
        send_settings(address, {"Comfy.TutorialCompleted": True, "Comfy.Minimap.Visible": False, **settings})
        context.route(lambda url: not url.startswith((address, "blob:", "data:")), _nobody_there)
        context.set_default_timeout(PATIENCE_MS)
        page = cls(address, context.new_page(), pictures)
        page.tab.on("console", page._note_message)
        page.tab.on("pageerror", lambda error: page.errors.append(str(error)))
        page.tab.on("response", page._note_response)
        page.tab.goto(address)
        page.tab.wait_for_function(READY)
        page.settle()
        page.forget_errors()
        return page

    def forget_errors(self) -> None:
        self.errors.clear()

    def template(self, name: str) -> dict[str, Any]:
        """A template as the server gives it out."""
        with urllib.request.urlopen(
            f"{self.address}/api/workflow_templates/{PACK}/{quote(name)}.json"
        ) as answer:
            return json.load(answer)

    def load(self, workflow: dict[str, Any], name: str = "test") -> None:
        """Show a workflow, as the page does with a file or a template."""
        self.tab.evaluate(LOAD, [workflow, name])
        self.settle()

    def settle(self) -> None:
        """Wait until nothing on the canvas has moved for a while, and every picture and video is there."""
        before = None
        for _ in range(MOST_SETTLES):
            self.tab.wait_for_timeout(SETTLE_MS)
            now = (self.boxes(), self.tab.evaluate(LOADED))
            if now == before and now[1]:
                return
            before = now
        raise AssertionError(f"the page moved for {MOST_SETTLES * SETTLE_MS / 1000:.0f} s")

    def close_dialogs(self) -> None:
        """What tells of missing files, for one."""
        for _ in range(3):
            if self.tab.locator(".p-dialog, [role=dialog]").count() == 0:
                return
            self.tab.keyboard.press("Escape")
            self.tab.wait_for_timeout(300)

    def boxes(self) -> tuple[dict[str, Box], dict[str, Box]]:
        """Where nodes and groups are drawn."""
        found = self.tab.evaluate(BOXES)
        return found["nodes"], found["groups"]

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Into every widget of these names."""
        self.tab.evaluate(
            """(values) => { for (const node of window.app.graph.nodes)
              for (const widget of node.widgets ?? [])
                if (widget.name in values) widget.value = values[widget.name]; }""",
            dict(values),
        )

    def run(self, timeout_s: float = 120.0) -> dict[str, Any]:
        """Press Run and wait for the end; the history entry of the job."""
        before = set(self._history())
        self.tab.evaluate(QUEUE)
        for _ in range(int(timeout_s * 10)):
            self.tab.wait_for_timeout(100)
            done = {key: job for key, job in self._history().items() if key not in before}
            if done:
                (job,) = done.values()
                self.settle()
                return job
        raise AssertionError(f"the job did not end in {timeout_s} s")

    def drop(self, file: Path, kind: str) -> None:
        """Drop a file of this MIME type on the page."""
        content = base64.b64encode(file.read_bytes()).decode()
        self.tab.evaluate(DROP, [content, file.name, kind])
        self.settle()

    def graph(self) -> list[list[str]]:
        """Types and values of all nodes, whatever their numbers."""
        return self.tab.evaluate(GRAPH)

    def picture(self, name: str) -> None:
        """A screenshot for a person."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.tab.screenshot(path=self.pictures / f"{name}.png")

    def _history(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.address}/history") as answer:
            return json.load(answer)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type == "error" and self._concerns(message.location.get("url", "")):
            self.errors.append(message.text)

    def _note_response(self, response: Response) -> None:
        if response.status >= 400 and self._concerns(response.url):
            self.errors.append(f"{response.status} {response.url}")

    def _concerns(self, url: str) -> bool:
        """User data of a fresh user is not there, and the outside world cannot be reached."""
        return url.startswith(self.address) and "/userdata" not in url and "/user.css" not in url


def send_settings(address: str, settings: Mapping[str, Any]) -> None:
    """Store settings of the server's one user."""
    request = urllib.request.Request(
        f"{address}/api/settings",
        data=json.dumps(settings).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


def _nobody_there(route: Route) -> None:
    """The outside world answers every question with nothing."""
    route.fulfill(status=200, headers={"access-control-allow-origin": "*"}, json={})
