"""A host's refusal taken apart: the sample is what ComfyUI 0.3.75 answered, with tooltips left out."""

import pytest
from refusal import RefusedInput, refused_inputs, words_of

ANSWER = {
    "error": {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "",
        "extra_info": {},
    },
    "node_errors": {
        "1": {
            "errors": [
                {
                    "type": "custom_validation_failed",
                    "message": "Custom validation failed for node",
                    "details": "image - Invalid image file: none.png",
                    "extra_info": {"input_name": "image"},
                }
            ],
            "dependent_outputs": ["9"],
            "class_type": "LoadImageMask",
        },
        "5": {
            "errors": [
                {
                    "type": "value_not_in_list",
                    "message": "Value not in list",
                    "details": "lora_name: 'x.safetensors' not in []",
                    "extra_info": {
                        "input_name": "lora_name",
                        "input_config": [[], {}],
                        "received_value": "x.safetensors",
                    },
                },
                {
                    "type": "value_bigger_than_max",
                    "message": "Value 999.0 bigger than max of 100.0",
                    "details": "strength_model",
                    "extra_info": {
                        "input_name": "strength_model",
                        "input_config": ["FLOAT", {"default": 1.0, "min": -100.0, "max": 100.0}],
                        "received_value": 999.0,
                    },
                },
            ],
            "dependent_outputs": ["9"],
            "class_type": "LoraLoader",
        },
        "7": {
            "errors": [
                {
                    "type": "return_type_mismatch",
                    "message": "Return type mismatch between linked nodes",
                    "details": "positive, received_type(LATENT) mismatch input_type(CONDITIONING)",
                    "extra_info": {
                        "input_name": "positive",
                        "input_config": ["CONDITIONING", {}],
                        "received_type": "LATENT",
                        "linked_node": ["3", 0],
                    },
                },
                {
                    "type": "required_input_missing",
                    "message": "Required input is missing",
                    "details": "negative",
                    "extra_info": {"input_name": "negative"},
                },
                {
                    "type": "value_not_in_list",
                    "message": "Value not in list",
                    "details": "sampler_name: 'foo' not in (list of length 42)",
                    "extra_info": {
                        "input_name": "sampler_name",
                        "input_config": None,
                        "received_value": "foo",
                    },
                },
            ],
            "dependent_outputs": ["9"],
            "class_type": "KSampler",
        },
        "9": {
            "errors": [
                {
                    "type": "exception_during_validation",
                    "message": "Exception when validating node",
                    "details": "'88'",
                    "extra_info": {"exception_type": "KeyError", "traceback": ["  File ..."]},
                }
            ],
            "dependent_outputs": ["9"],
            "class_type": "SaveImage",
        },
    },
}
ANY = "a value or a link that this node takes"


def test_every_fault_has_its_node_input_value_and_what_is_allowed():
    assert refused_inputs(ANSWER) == [
        RefusedInput(
            "1",
            "LoadImageMask",
            "image",
            "Custom validation failed for node: image - Invalid image file: none.png",
            ANY,
        ),
        RefusedInput("5", "LoraLoader", "lora_name", "'x.safetensors'", "nothing yet: its list is empty"),
        RefusedInput("5", "LoraLoader", "strength_model", "999.0", "FLOAT, min -100.0, max 100.0"),
        RefusedInput(
            "7",
            "KSampler",
            "positive",
            "Return type mismatch between linked nodes: positive, received_type(LATENT) mismatch "
            "input_type(CONDITIONING)",
            "CONDITIONING",
        ),
        RefusedInput("7", "KSampler", "negative", "Required input is missing: negative", ANY),
        RefusedInput("7", "KSampler", "sampler_name", "'foo'", "an entry of its list of length 42"),
        RefusedInput("9", "SaveImage", "", "Exception when validating node: '88'", ANY),
    ]


@pytest.mark.parametrize(
    ("config", "allowed"),
    [
        ([["a", "b"], {}], "one of a, b"),
        ([[*"abcdefg"], {}], "one of a, b, c, d, e, ... (7 in all)"),
        (["COMBO", {"options": ["a", "b"]}], "one of a, b"),
        (["INT", {"min": 1}], "INT, min 1"),
    ],
)
def test_what_is_allowed_is_shortened(config, allowed):
    error = {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "",
        "extra_info": {"input_config": config, "received_value": "x" * 1000},
    }
    (fault,) = refused_inputs({"node_errors": {"2": {"class_type": "Any", "errors": [error]}}})
    assert fault.allowed == allowed
    assert len(fault.found) == 100


def test_a_refusal_without_nodes_keeps_the_hosts_words():
    answer = {"error": {"message": "Prompt has no outputs", "details": ""}, "node_errors": {}}
    assert refused_inputs(answer) == []
    assert words_of(answer["error"]) == "Prompt has no outputs"
