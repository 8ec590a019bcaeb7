"""A small client of ComfyUI's HTTP and websocket interface."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")
Message = dict[str, Any]

PREVIEW_HEADER_BYTES = 8  # event type and picture format, four bytes each
ENDINGS = ("execution_success", "execution_error", "execution_interrupted")


class PromptRefusedError(RuntimeError):
    """The server did not accept a prompt. `answer` is its JSON: `error` and `node_errors`."""

    def __init__(self, answer: dict[str, Any]):
        self.answer = answer
        super().__init__(json.dumps(answer, indent=1, ensure_ascii=False))


@dataclass
class Job:
    """What is known of one queued prompt.

    Attributes:
        messages: its websocket messages in order, each with `type` and `data`.
        previews: encoded preview pictures, in order.
        history: the server's history entry, once the job has ended: `outputs`, `status`, `prompt`.
    """

    messages: list[Message] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)

    def data_of(self, kind: str) -> list[Message]:
        """The data of all messages of one type."""
        return [message["data"] for message in self.messages if message["type"] == kind]

    @property
    def progress(self) -> list[tuple[int, int]]:
        """(value, max) of every progress message."""
        return [(data["value"], data["max"]) for data in self.data_of("progress")]

    @property
    def error(self) -> str | None:
        """Which node failed with which words; None if none did."""
        for data in self.data_of("execution_error"):
            return f"{data['node_type']}: {data['exception_message'].strip()}"
        return None

    @property
    def interrupted(self) -> bool:
        return bool(self.data_of("execution_interrupted"))

    @property
    def files(self) -> list[dict[str, str]]:
        """Every file the nodes report: `filename`, `subfolder`, `type`."""
        outputs = self.history.get("outputs", {}).values()
        entries = [entry for output in outputs for values in output.values() for entry in values]
        return [entry for entry in entries if isinstance(entry, dict) and "filename" in entry]


class ComfyClient:
    """Talks to one server; use it in a `with` statement.

    The websocket is open from the start, so no message of a job is missed. Nothing runs in the background:
    messages are read while `wait` is running.
    """

    def __init__(self, address: str):
        self._address = address
        self._client_id = uuid.uuid4().hex
        self._jobs: dict[str, Job] = defaultdict(Job)
        self._running = ""
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> ComfyClient:
        self._do(self._connect())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._disconnect())
        self._loop.close()

    def get_json(self, path: str) -> Any:
        """The JSON that the server answers to GET path."""
        return json.loads(self._do(self._get(path)))

    def system_stats(self) -> dict[str, Any]:
        """Versions and devices of the server."""
        return self.get_json("/system_stats")

    def object_info(self) -> dict[str, Any]:
        """Every node the server knows, by id."""
        return self.get_json("/object_info")

    def view(self, filename: str, subfolder: str = "", type: str = "output") -> bytes:
        """The content of a file in one of the server's folders."""
        return self._do(self._get("/view", {"filename": filename, "subfolder": subfolder, "type": type}))

    def queue(self, api_prompt: dict[str, Any], workflow: dict[str, Any] | None = None) -> str:
        """Queue a prompt in API form; returns its id.

        Args:
            workflow: what the browser would send along for the metadata of saved files.

        Raises:
            PromptRefusedError: the server found fault with it.
        """
        body: dict[str, Any] = {"prompt": api_prompt, "client_id": self._client_id}
        if workflow is not None:
            body["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        answer = self._do(self._post("/prompt", body))
        if "prompt_id" not in answer:
            raise PromptRefusedError(answer)
        return str(answer["prompt_id"])

    def interrupt(self) -> None:
        """Ask the server to stop the job that is running."""
        self._do(self._post("/interrupt", {}))

    def wait(
        self, prompt_id: str, timeout_s: float = 600.0, on_message: Callable[[Message], None] | None = None
    ) -> Job:
        """Read messages until the job has ended, well or badly.

        Args:
            on_message: called with every message of any job as it arrives.

        Raises:
            TimeoutError: it has not ended in time.
            ConnectionError: the server went away.
        """
        try:
            return self._do(asyncio.wait_for(self._wait(prompt_id, on_message), timeout_s))
        except asyncio.TimeoutError as error:
            raise TimeoutError(f"job {prompt_id} has not ended within {timeout_s:g} s") from error

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _connect(self) -> None:
        self._session = aiohttp.ClientSession(self._address)
        self._socket = await self._session.ws_connect(f"/ws?clientId={self._client_id}", max_msg_size=0)

    async def _disconnect(self) -> None:
        await self._socket.close()
        await self._session.close()

    async def _get(self, path: str, query: dict[str, str] | None = None) -> bytes:
        async with self._session.get(path, params=query, raise_for_status=True) as response:
            return await response.read()

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(path, json=body) as response:
            text = await response.text()
            return json.loads(text) if text else {}

    async def _wait(self, prompt_id: str, on_message: Callable[[Message], None] | None) -> Job:
        job = self._jobs[prompt_id]
        while not any(job.data_of(kind) for kind in ENDINGS):
            message = self._file(await self._socket.receive())
            if message is not None and on_message is not None:
                on_message(message)
        while not job.history:  # written a moment after the last message
            entries = json.loads(await self._get(f"/history/{prompt_id}"))
            job.history = entries.get(prompt_id, {})
            await asyncio.sleep(0 if job.history else 0.05)
        return job

    def _file(self, received: aiohttp.WSMessage) -> Message | None:
        """Put what arrived with the job it belongs to; previews come without an id while their job runs."""
        if received.type is aiohttp.WSMsgType.BINARY:
            self._jobs[self._running].previews.append(received.data[PREVIEW_HEADER_BYTES:])
            return None
        if received.type is not aiohttp.WSMsgType.TEXT:
            raise ConnectionError(f"ComfyUI closed the connection ({received.type.name}); its log says why")
        message: Message = json.loads(received.data)
        prompt_id = message["data"].get("prompt_id")
        if prompt_id is not None:
            self._jobs[prompt_id].messages.append(message)
            self._running = prompt_id
        return message
