"""What stops the demo is said in four parts."""

from contextlib import contextmanager
from pathlib import Path

import comfy_client
import comfy_server
import demo
import demo_errors
import demo_jobs
import pytest
from aiohttp import ServerDisconnectedError
from comfy_client import PromptRefusedError
from comfy_server import ServerError

from lab.family import family

FILE = Path("mine.json")
PROMPT = {
    "5": {"class_type": "LoraLoader", "inputs": {}, "_meta": {"title": "My LoRA"}},
    "7": {"class_type": "KSampler", "inputs": {}},
}


def fault(name, value, options):
    return {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": f"{name}: '{value}' not in {options}",
        "extra_info": {"input_name": name, "input_config": [options, {}], "received_value": value},
    }


def answer(*faults, node="5"):
    return {
        "error": {"message": "Prompt outputs failed validation", "details": ""},
        "node_errors": {node: {"class_type": PROMPT[node]["class_type"], "errors": list(faults)}},
    }


def parts(error):
    return (error.what, error.found, error.expected, error.fix)


def test_a_file_that_is_not_there_is_named_with_its_folder(tmp_path):
    refusal = answer(fault("lora_name", "oil.safetensors", ["ink.safetensors"]))
    error = demo_errors.refused(FILE, PROMPT, tmp_path, refusal)
    assert parts(error) == (
        'ComfyUI refused the workflow mine.json: node "My LoRA" (LoraLoader, id 5), input lora_name.',
        "lora_name: 'oil.safetensors'",
        "lora_name: one of ink.safetensors",
        f"put what is missing into {tmp_path / 'models' / 'loras'} (the demo keeps folders of its own), or "
        "change the inputs in ComfyUI and export the workflow again (Workflow > Export (API))",
    )


@pytest.mark.parametrize(
    ("name", "value", "folder"),
    [
        ("vae_name", "mine.PT", "models/vae"),
        ("model_name", "mine.safetensors", "models/<its kind>"),
        ("image", "mine.png", "input"),
    ],
)
def test_each_kind_of_file_has_its_folder(tmp_path, name, value, folder):
    error = demo_errors.refused(FILE, PROMPT, tmp_path, answer(fault(name, value, [])))
    assert f"put what is missing into {tmp_path / folder} " in error.fix


def test_a_value_that_is_no_file_is_only_to_be_changed(tmp_path):
    refusal = answer(fault("sampler_name", "foo", ["euler"]), node="7")
    error = demo_errors.refused(FILE, PROMPT, tmp_path, refusal)
    assert 'node "KSampler" (KSampler, id 7)' in error.what
    assert error.fix.startswith("change the inputs")


def test_several_faults_are_told_apart(tmp_path):
    refusal = answer(fault("lora_name", "a.safetensors", []), fault("strength", "b", ["c"]))
    refusal["node_errors"]["5"]["errors"].append(
        {"type": "exception_during_validation", "message": "Exception", "details": "'88'", "extra_info": {}}
    )
    error = demo_errors.refused(FILE, PROMPT, tmp_path, refusal)
    assert error.what.count("My LoRA") == 3
    assert error.found == "lora_name: 'a.safetensors'; strength: 'b'; LoraLoader: Exception: '88'"
    assert error.expected.startswith("lora_name: nothing yet: its list is empty; strength: one of c; ")


def test_a_node_that_the_host_lacks_is_named(tmp_path):
    words = {"message": "Cannot execute because node Foo does not exist.", "details": "Node ID '#1'"}
    error = demo_errors.refused(FILE, PROMPT, tmp_path, {"error": words, "node_errors": {}})
    assert error.found == "Cannot execute because node Foo does not exist: Node ID '#1'"
    assert str(tmp_path / "custom_nodes") in error.fix
    assert all(parts(error))


class StoppedClient:
    """A client whose jobs are refused, or do not end, with the given error."""

    def __init__(self, error):
        self.error = error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def queue(self, _prompt, _workflow):
        if isinstance(self.error, PromptRefusedError):
            raise self.error

    def wait(self, *_):
        raise self.error


@contextmanager
def stopped_server(_host, _base, *, cpu, options):
    raise ServerError("ComfyUI ended with code 1 while starting.\nThe end of server.log:\nno such device")
    yield


@contextmanager
def running_server(_host, _base, *, cpu, options):
    yield "http://nowhere"


@pytest.fixture
def stopped(monkeypatch, tmp_path):
    """A function that runs a job in a demo that is stopped, and returns its error."""

    def run(job, server, error):
        monkeypatch.setattr(family, "place", lambda _models: {})
        monkeypatch.setattr(comfy_server, "place_pack", lambda _pack, _base: None)
        monkeypatch.setattr(comfy_server, "serve", server)
        monkeypatch.setattr(comfy_client, "ComfyClient", lambda _address: StoppedClient(error))
        with pytest.raises(demo.DemoError) as caught:
            demo.run(tmp_path, tmp_path, [job])
        return caught.value

    return run


def test_a_server_that_does_not_start_is_said_in_four_parts(stopped):
    error = stopped(demo_jobs.all_jobs(None, None)[0], stopped_server, None)
    assert error.what == "ComfyUI ended with code 1 while starting."
    assert error.found.endswith("no such device")
    assert all(parts(error))


@pytest.mark.parametrize(
    ("error", "what", "found"),
    [
        (
            PromptRefusedError({"error": {"message": "No", "details": "1"}, "node_errors": {}}),
            "refused the workflow",
            "No: 1",
        ),
        (TimeoutError("not ended within 2 s"), "given up", "not ended within 2 s"),
        (ConnectionError("ComfyUI closed it"), "ended while it ran", "ComfyUI closed it"),
        (ServerDisconnectedError(), "ended while it ran", "disconnected"),
    ],
)
def test_a_job_that_is_stopped_is_said_in_four_parts(stopped, error, what, found):
    job = demo_jobs.all_jobs(None, None)[0]
    said = stopped(job, running_server, error)
    assert what in said.what
    assert str(job.workflow) in said.what
    assert found in said.found
    assert all(parts(said))


def test_no_words_are_not_said_to_be_the_workflows_own(stopped, capsys):
    stopped(demo_jobs.all_jobs("", None)[0], running_server, TimeoutError("late"))
    assert "its own prompt" not in capsys.readouterr().out
