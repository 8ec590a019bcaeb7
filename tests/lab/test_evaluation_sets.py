"""Test sets, and workflows filled with their pairs."""

import json
from pathlib import Path

import pytest

from lab.evaluation.methods import METHODS, method_named, style_in_words
from lab.evaluation.test_set import Pair, read_test_set
from lab.evaluation.workflow import filled, read_workflow, wants_style_words, with_output_numbers
from stylecrafter_core.errors import InputError


def written(folder, rows):
    file = folder / "set.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    return file


def test_one_reference_and_several_are_read_beside_the_file(tmp_path):
    rows = [{"prompt": "a", "style_path": "s/x.png"}, {"prompt": "b", "style_path": ["1.png", "2.png"]}]
    one, several = read_test_set(written(tmp_path, rows))
    assert one == Pair(0, "a", (tmp_path / "s" / "x.png",))
    assert several.references == (tmp_path / "1.png", tmp_path / "2.png")
    assert (one.name, several.name) == ("0000", "0001")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({}, "no list"),
        ([{"prompt": "a"}], "row 1"),
        ([{"prompt": "a", "style_path": "x"}, {"prompt": 3, "style_path": "x"}], "row 2: the prompt 3"),
        ([{"prompt": "a", "style_path": []}], r"row 1: the style_path \[\]"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path, rows, words):
    with pytest.raises(InputError, match=words):
        read_test_set(written(tmp_path, rows))


def test_lists_without_bottom_are_no_test_set(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(InputError):
        read_test_set(tmp_path / "deep.json")


def test_style_words_come_from_the_row_or_the_references_name():
    assert style_in_words(Pair(0, "a", (Path("oil_paint_2.jpg"),))) == "oil paint"
    assert style_in_words(Pair(0, "a", (Path("0.jpg"),), "ink")) == "ink"
    with pytest.raises(InputError, match=r"named 0\.jpg"):
        style_in_words(Pair(0, "a", (Path("0.jpg"),)))


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.workflow])
def test_every_method_takes_prompt_pictures_seed_and_values(name):
    graph = filled(read_workflow(METHODS[name].workflow), "a fox", ["a.png", "b.png"], 77, {"steps": 5})
    texts = [node["inputs"]["text"] for node in graph.values() if "text" in node["inputs"]]
    assert sum("a fox" in str(text) for text in texts) == 1
    inputs = [node["inputs"] for node in graph.values() if node["class_type"] != "TrainLoraNode"]
    assert all(each.get("seed", 77) == 77 and each.get("noise_seed", 77) == 77 for each in inputs)
    assert any(each.get("steps") == 5 for each in inputs)
    loaded = [node["inputs"]["image"] for node in graph.values() if node["class_type"] == "LoadImage"]
    assert loaded in ([], ["a.png", "b.png"])


def test_a_network_that_a_pack_leaves_its_patches_in_is_loaded_anew_for_each_pair():
    """ComfyUI keeps what a node gave as long as its inputs, also those it does not know, stay the same."""
    one, other = (filled(read_workflow(METHODS["style_aligned"].workflow), "a", [], s, {}) for s in (1, 2))
    assert one["1"]["class_type"] == "CheckpointLoaderSimple"
    assert one["1"]["inputs"] != other["1"]["inputs"]


def test_further_references_join_the_first_for_every_reader():
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x"}},
        "2": {"class_type": "Reader", "inputs": {"images": ["1", 0], "text": "%prompt%"}},
    }
    found = filled(graph, "p", ["a", "b", "c"], 0, {})
    batch = found[found["2"]["inputs"]["images"][0]]
    assert batch["class_type"] == "ImageBatch"
    assert found[batch["inputs"]["image1"][0]]["inputs"]["image1"] == ["1", 0]
    assert found[batch["inputs"]["image2"][0]]["inputs"]["image"] == "c"
    assert graph["2"]["inputs"]["images"] == ["1", 0], "the workflow itself stays"


def test_a_training_node_keeps_its_seed_and_steps_and_the_style_is_written_out():
    graph = {
        "1": {"class_type": "TrainLoraNode", "inputs": {"seed": 0, "steps": 200}},
        "2": {"class_type": "A", "inputs": {"seed": 0, "steps": 50, "text": "%prompt%"}},
        "3": {"class_type": "B", "inputs": {"text": "%style%"}},
    }
    found = filled(graph, "a fox", [], 7, {"steps": 5}, style="ink")
    assert found["1"]["inputs"] == {"seed": 0, "steps": 200}
    assert found["2"]["inputs"] == {"seed": 7, "steps": 5, "text": "a fox"}
    assert found["3"]["inputs"]["text"] == "ink"
    assert filled(graph, "a fox", [], 7, {"TrainLoraNode.steps": 9})["1"]["inputs"]["steps"] == 9
    assert [name for name, method in METHODS.items() if wants_words(method)] == ["style_aligned"]


@pytest.mark.parametrize("outputs", [["MODEL", "LORA_MODEL", "LOSS_MAP"], ["LORA_MODEL", "LOSS_MAP", "INT"]])
@pytest.mark.parametrize("name", ["video_lora", "dreambooth"])
def test_the_lora_is_taken_from_where_this_host_gives_it(name, outputs):
    graph = read_workflow(METHODS[name].workflow)
    nodes = {node["class_type"]: {"output": ["?"]} for node in graph.values()}
    fitted = with_output_numbers(graph, {**nodes, "TrainLoraNode": {"output": outputs}})
    (loader,) = (node for node in fitted.values() if node["class_type"] == "LoraModelLoader")
    trainer, number = loader["inputs"]["lora"]
    assert fitted[trainer]["class_type"] == "TrainLoraNode"
    assert outputs[number] == "LORA_MODEL"


def test_an_output_that_a_host_does_not_have_is_named():
    graph = {
        "1": {"class_type": "A", "inputs": {}},
        "2": {"class_type": "B", "inputs": {"x": ["1", "WANTED"]}},
    }
    with pytest.raises(InputError, match=r"(?s)node A .*Found: INT\nExpected: WANTED"):
        with_output_numbers(graph, {"A": {"output": ["INT"]}, "B": {"output": []}})


def wants_words(method):
    return method.workflow is not None and wants_style_words(read_workflow(method.workflow))


def test_a_pair_without_a_prompt_is_named():
    with pytest.raises(InputError, match="Pair 0003 has no prompt"):
        METHODS["stylecrafter"].words(Pair(3, " ", (Path("x.png"),)))


def test_values_can_name_a_node_class_and_none_stays_none():
    graph = {
        "1": {"class_type": "A", "inputs": {"name": "x", "text": "%prompt%"}},
        "2": {"class_type": "B", "inputs": {"name": "x"}},
        "3": {"class_type": "B", "inputs": {"name": "none"}},
    }
    found = filled(graph, "p", [], 0, {"B.name": "y"})
    assert [found[number]["inputs"]["name"] for number in "123"] == ["x", "y", "none"]


def test_a_workflow_without_a_place_for_the_prompt_and_an_unknown_method_are_refused():
    with pytest.raises(InputError, match="no place for the prompt"):
        filled({"1": {"class_type": "A", "inputs": {}}}, "p", [], 0, {})
    with pytest.raises(InputError, match="'stylecraft'"):
        method_named("stylecraft")


def test_every_row_of_the_papers_tables_is_there():
    assert len({method.title for method in METHODS.values()}) == len(METHODS), "a title is a column"
    titles = {(method.row[:7], method.title) for method in METHODS.values()}
    for row in ("SD*", "SDXL*", "InST (stand-in)", "IP-Adapter-Plus", "Style-Aligned", "DreamBooth"):
        assert ("Table 1", row) in titles
    for row in ("VideoComposer", "VideoCrafter*", "StyleCrafter", "AnimateDiff"):
        assert ("Table 2", row) in titles
