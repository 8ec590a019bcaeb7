"""The evaluation's own ComfyUI, where a small server stands for it: what is said when it ends, and where."""

import pytest

from lab.evaluation import host as hosts
from lab.evaluation.host import KeptHost, Settings, running_host
from lab.evaluation.shards import Shard
from stylecrafter_core.errors import HostError

# Answers like ComfyUI until a workflow is queued: then it ends, before or after it has answered.
SERVER = """
import os, sys
from aiohttp import web

async def stats(request):
    return web.json_response({"system": {"comfyui_version": "1.0.0"}})

async def nodes(request):
    return web.json_response({})

async def socket(request):
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    async for _ in answer:
        pass
    return answer

async def queue(request):
    graph = (await request.json())["prompt"]
    if "at once" in graph:
        os._exit(1)
    request.app.loop.call_later(0.2, os._exit, 1)
    return web.json_response({"prompt_id": "one"})

app = web.Application()
app.add_routes([web.get("/system_stats", stats), web.get("/object_info", nodes), web.get("/ws", socket)])
app.add_routes([web.post("/prompt", queue)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[sys.argv.index("--port") + 1]))
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts the server as a host."""
    comfyui = tmp_path / "ComfyUI"
    for folder in ("comfy", "models", "custom_nodes"):
        (comfyui / folder).mkdir(parents=True)
    (comfyui / "main.py").write_text(SERVER, encoding="utf-8")
    (comfyui / "nodes.py").touch()
    (comfyui / "comfyui_version.py").write_text('__version__ = "1.0.0"\n', encoding="utf-8")
    monkeypatch.setenv("COMFYUI_PATH", str(comfyui))
    monkeypatch.setattr(hosts, "place_pack", lambda pack, base: None)
    return lambda: running_host(Settings(cpu=True), tmp_path / "hosts", Shard())


@pytest.mark.parametrize("when", ["at once", "while it runs"])
def test_a_host_that_ends_is_named_with_its_log_and_the_next_job_has_another(start, tmp_path, when):
    with KeptHost(start) as kept:
        with kept.running() as first:
            assert first.version == "1.0.0"
        with pytest.raises(HostError) as failed, kept.running() as same:
            same.run({when: {}})
        assert same is first, "one host for both jobs"
        assert str(tmp_path / "ComfyUI") in failed.value.what
        assert str(tmp_path / "hosts" / "host-0" / "server.log") in failed.value.fix
        with kept.running() as other:
            assert other is not first
