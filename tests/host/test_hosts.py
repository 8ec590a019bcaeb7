"""The harness itself: the right host, folders of its own, a pack loaded as the host loads packs."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PACK_SOURCE = """
from .inner import WORD

class Old:
    RETURN_TYPES = ("STRING",)
    FUNCTION = "go"
    CATEGORY = "test"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"text": ("STRING", {})}, "hidden": {"prompt": "PROMPT"}}

    def go(self, text, prompt=None):
        return {"ui": {"text": [text]}, "result": (text + WORD + str(prompt),)}

from comfy_api.latest import io

class New(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(node_id="ThrowawayNew", inputs=[io.Int.Input("number")], outputs=[io.Int.Output()],
                         hidden=[io.Hidden.prompt])

    @classmethod
    def execute(cls, number):
        return io.NodeOutput(number + 1, ui={"prompt": [cls.hidden.prompt]})

NODE_CLASS_MAPPINGS = {"ThrowawayOld": Old, "ThrowawayNew": New}
"""


@pytest.fixture(scope="module")
def throwaway(tmp_path_factory, load_pack):
    folder = tmp_path_factory.mktemp("packs") / "throwaway-pack"
    folder.mkdir()
    (folder / "__init__.py").write_text(PACK_SOURCE)
    (folder / "inner.py").write_text('WORD = "!"\n')
    return load_pack(folder)


def test_the_asked_host_answers(host, find):
    import comfyui_version

    assert Path(comfyui_version.__file__).parent == Path(os.environ["STYLECRAFTER_TEST_HOST"])
    assert comfyui_version.__version__ == ".".join(map(str, host.version))
    assert find.check_version(host.path) == host.version


def test_it_computes_on_the_cpu(host):
    import comfy.model_management

    assert comfy.model_management.get_torch_device().type == "cpu"


def test_all_its_folders_are_temporary(host):
    import folder_paths

    folders = [folder_paths.get_input_directory(), folder_paths.get_output_directory()]
    folders += [folder_paths.get_temp_directory(), folder_paths.get_user_directory(), folder_paths.models_dir]
    folders += folder_paths.get_folder_paths("checkpoints") + folder_paths.get_folder_paths("custom_nodes")
    assert [folder for folder in folders if host.base not in Path(folder).parents] == []


def test_nodes_is_the_hosts_module(host):
    assert str(ROOT) not in sys.path
    spec = importlib.util.find_spec("nodes")
    assert Path(spec.origin) == host.path / "nodes.py"


def test_a_second_host_is_refused_in_words(find, host):
    with pytest.raises(Exception, match="already imported in this process") as caught:
        find.activate(host.path)
    assert str(host.path) in caught.value.found


def test_models_put_into_the_temporary_folder_are_seen(host):
    import folder_paths

    (host.models("loras") / "harness.safetensors").touch()
    assert "harness.safetensors" in folder_paths.get_filename_list("loras")


def test_a_pack_loads_as_the_host_loads_it(throwaway):
    import nodes

    assert throwaway.NODE_CLASS_MAPPINGS["ThrowawayOld"] is nodes.NODE_CLASS_MAPPINGS["ThrowawayOld"]
    assert throwaway.__file__.endswith("__init__.py")


def test_run_node_runs_a_classic_node(throwaway, run_node, run_node_with_ui):
    assert run_node("ThrowawayOld", text="a") == ("a!None",)
    assert run_node_with_ui("ThrowawayOld", {"prompt": 7}, text="a") == (("a!7",), {"text": ["a"]})


def test_run_node_runs_a_v3_node(throwaway, run_node, run_node_with_ui):
    assert run_node("ThrowawayNew", number=2) == (3,)
    assert run_node_with_ui("ThrowawayNew", {"prompt": 7}, number=2) == ((3,), {"prompt": [7]})


def test_run_node_knows_the_hosts_extra_nodes(run_node):
    (sigmas,) = run_node("FlipSigmas", sigmas=__import__("torch").tensor([3.0, 2.0, 0.0]))
    assert sigmas.tolist() == pytest.approx([0.0001, 2.0, 3.0])


def test_a_broken_pack_is_an_error(tmp_path, load_pack):
    (tmp_path / "__init__.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(RuntimeError, match="did not load"):
        load_pack(tmp_path)
