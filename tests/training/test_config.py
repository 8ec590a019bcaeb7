"""Config files: what is read, and what a mistake is told."""

from pathlib import Path

import pytest
import yaml
from config_samples import LEAST, small_config, written
from pydantic import ValidationError

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.config import Config, load_config, save_config


def refused(*arguments) -> str:
    with pytest.raises(InputError) as caught:
        load_config(*arguments)
    return str(caught.value)


def test_what_is_not_given_is_the_published_recipe(tmp_path):
    config = small_config(tmp_path)
    assert (config.data.width, config.data.height) == (512, 512)
    assert (config.data.style_short_side, config.data.style_crop_size) == (800, 512)
    assert config.data.image_share == 0.2
    assert (config.method.fusion, config.method.gain) == ("dual", "predicted")
    assert config.method.temporal_stage
    assert not config.method.joint
    assert (config.objective.drop_text, config.objective.drop_style) == (0, 0)
    assert (config.optimiser.name, config.optimiser.ema) == ("torch.optim.AdamW", None)


def test_a_config_cannot_be_changed_after_it_was_checked(tmp_path):
    with pytest.raises(ValidationError, match="frozen"):
        small_config(tmp_path).run.steps = 5


UNKNOWN = {
    "alike in the section": ("data", "widht", "data.widht: unknown; did you mean data.width?"),
    "section alike": ("optimizer", "lr", "optimizer: unknown; did you mean optimiser?"),
    "of another section": ("run", "lr", "run.lr: unknown; did you mean optimiser.lr?"),
    "of another section, though one is alike": (
        "data",
        "steps",
        "data.steps: unknown; did you mean run.steps?",
    ),
    "like nothing here": (
        "engine",
        "mini_snr",
        "engine.mini_snr: unknown; the nearest known one is objective.min_snr",
    ),
}


@pytest.mark.parametrize(("section", "field", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_field_names_the_nearest_known_one(tmp_path, section, field, words):
    said = refused(written(tmp_path / "c.yaml", **{section: {field: 1}}))
    assert words in said
    assert "c.yaml" in said


def test_a_field_outside_of_every_section_is_told_where_it_belongs(tmp_path):
    assert "seed: unknown; did you mean run.seed?" in refused(written(tmp_path / "c.yaml"), ["seed=3"])


WRONG = {
    "no number": ("run.steps=many", "run.steps: Input should be a valid integer", "'many'"),
    "no whole number": ("run.steps=1.5", "run.steps: Input should be a valid integer", "1.5"),
    "negative": ("run.steps=-1", "run.steps: Input should be greater than or equal to 0", "-1"),
    "lr 0": ("optimiser.lr=0", "optimiser.lr: Input should be greater than 0", "0"),
    "above 1": ("data.image_share=1.2", "data.image_share: Input should be less than or equal to 1", "1.2"),
    "decay 1": ("optimiser.ema=1", "optimiser.ema: Input should be less than 1", "1"),
    "not in steps of 8": ("data.width=100", "data.width: Input should be a multiple of 8", "100"),
    "no such word": ("method.gain=none", "method.gain: Input should be 'predicted' or 'fixed'", "'none'"),
    "no list": ("data.manifests=a.jsonl", "data.manifests: Input should be a valid tuple", "'a.jsonl'"),
    "one frame": ("data.frames=1", "data.frames: Input should be greater than or equal to 2", "1"),
    "null": ("run.dir=null", "run.dir: Input is not a valid path", "None"),
}


@pytest.mark.parametrize(("override", "words", "found"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_named_with_what_was_found(tmp_path, override, words, found):
    said = refused(written(tmp_path / "c.yaml"), [override])
    assert words in said
    assert f"found {found}" in said


def test_two_fields_that_do_not_fit(tmp_path):
    said = refused(written(tmp_path / "c.yaml"), ["data.style_crop_size=900"])
    assert "data: style_crop_size 900 is larger than style_short_side 800" in said
    assert "pictures.jsonl" not in said, "the rest of the section says nothing"


def test_all_mistakes_are_told_at_once(tmp_path):
    said = refused(written(tmp_path / "c.yaml"), ["run.steps=x", "optimiser.speed=1"])
    assert "run.steps:" in said
    assert "optimiser.speed: unknown" in said


@pytest.mark.parametrize(("section", "field"), [("run", "dir"), ("optimiser", "lr"), ("base", "checkpoint")])
def test_what_must_be_given(tmp_path, section, field):
    data = {name: dict(fields) for name, fields in LEAST.items()}
    del data[section][field]
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert f"{section}.{field}: not given" in refused(path)
    del data[section]
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert f"{section}: not given" in refused(path)


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("run.seed=3", 3),
        ("run.dir=a=b", Path("a=b")),
        ("data.manifests=[a.jsonl, b.jsonl]", (Path("a.jsonl"), Path("b.jsonl"))),
        ("optimiser.lr=1e-5", 1e-5),
        ("optimiser.max_norm=null", None),
        ("optimiser.max_norm=", None),
        ("run.tensorboard=true", True),
        ("engine.precision=no", "no"),
        ("engine.precision=bf16", "bf16"),
    ],
)
def test_set_replaces_one_field(tmp_path, override, value):
    section, field = override.partition("=")[0].split(".")
    config = small_config(tmp_path, override)
    assert getattr(getattr(config, section), field) == value


def test_set_makes_sections_and_takes_them_away(tmp_path):
    made = small_config(tmp_path, "optimiser.args.weight_decay=0.1")
    assert made.optimiser.args == {"weight_decay": 0.1}
    path = written(tmp_path / "c.yaml", optimiser={"args": {"eps": 1.0}})
    assert load_config(path, ["optimiser.args=null", "optimiser.args.eps=2.0"]).optimiser.args == {"eps": 2.0}
    assert load_config(path, ["optimiser.args={}"]).optimiser.args == {}


def test_materials_of_earlier_releases(tmp_path):
    path = written(
        tmp_path / "c.yaml",
        materials={"recipe": "tiny", "dir": "m"},
        base={"checkpoint": "${materials.dir}/base.safetensors"},
    )
    said = refused(path)
    assert "materials, which a run no longer makes" in said
    assert "'dir': 'm'" in said
    assert "python lab/make_tiny_materials.py" in said
    assert "--set materials=null" in said
    # So it stands in the run folders of other configs: nothing is asked for there.
    small_config(tmp_path, "materials=null")
    assert "${materials.dir} leads nowhere" in refused(path, ["materials=null"])


def test_the_last_set_counts(tmp_path):
    assert small_config(tmp_path, "run.seed=1", "run.seed=2").run.seed == 2


@pytest.mark.parametrize("override", ["run.steps", "=3", "run.=3", ".steps=3", ""])
def test_a_set_without_a_name_and_a_value(tmp_path, override):
    said = refused(written(tmp_path / "c.yaml"), [override])
    assert "not of the form a.b=c" in said
    assert "--set run.steps=100" in said


def test_set_into_what_is_no_section(tmp_path):
    said = refused(written(tmp_path / "c.yaml"), ["run.steps.more=3"])
    assert "--set run.steps.more=3: steps is not a section" in said
    assert "Found: 10" in said


def test_set_to_what_is_not_yaml(tmp_path):
    assert "--set run.dir=[a: the value is not YAML" in refused(written(tmp_path / "c.yaml"), ["run.dir=[a"])


@pytest.mark.parametrize("text", ["1e-8", "1E-8", "1.e-8", "+1e-08", "1.0e-8"])
def test_a_number_with_an_exponent_is_one_where_no_type_is_known(tmp_path, text):
    config = small_config(tmp_path, f"optimiser.args.eps={text}", "samples.prompts=['1e-8']")
    assert config.optimiser.args == {"eps": 1e-8}
    assert config.samples.prompts == ("1e-8",)


def test_references_follow_their_field(tmp_path):
    path = written(
        tmp_path / "c.yaml",
        base={"checkpoint": "${base.image_encoder}/base.safetensors", "image_encoder": "${run.dir}/tiny"},
        data={"manifests": ["a.jsonl", "${base.image_encoder}/step ${run.steps}/${run.seed}.jsonl"]},
        run={"seed": 7},
        optimiser={"args": {"eps": "${optimiser.lr}"}},
    )
    config = load_config(path, ["run.dir=runs/b"])
    assert config.base.checkpoint == Path("runs/b/tiny/base.safetensors")
    assert config.data.manifests[1] == Path("runs/b/tiny/step 10/7.jsonl")
    assert config.optimiser.args == {"eps": 0.001}


BAD_REFERENCES = {
    "nowhere": ("run.dir=${run.folder}/a", "${run.folder} leads nowhere"),
    "no such section": ("run.dir=${a.b.c}", "${a.b.c} leads nowhere"),
    "to a section": ("run.dir=${base}", "${base} leads nowhere"),
    "to a list": ("run.dir=${data.manifests}", "${data.manifests} leads nowhere"),
    "to itself": ("run.dir=a/${run.dir}", "${run.dir} leads back to itself"),
    "in a circle": ("run.dir=${base.checkpoint}/x", "leads back to itself"),
    "not closed": ("run.dir=a/${run.steps", "a reference is not closed"),
}


@pytest.mark.parametrize(("override", "words"), BAD_REFERENCES.values(), ids=BAD_REFERENCES)
def test_a_reference_that_means_nothing(tmp_path, override, words):
    path = written(
        tmp_path / "c.yaml", base={"checkpoint": "${run.dir}/base"} if "base.ch" in override else {}
    )
    said = refused(path, [override])
    assert words in said
    assert "c.yaml" in said


def test_a_file_that_is_not_there(tmp_path):
    said = refused(tmp_path / "none.yaml")
    assert "none.yaml cannot be read" in said
    assert "No such file" in said
    assert "--config" in said


@pytest.mark.parametrize(
    "content", [b"run: [1", b"\xff\xfe\x00", b"run: !!python/object:os.system {}", b"a: b: c"]
)
def test_a_file_that_is_not_yaml(tmp_path, content):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    assert "c.yaml is not YAML" in refused(path)


@pytest.mark.parametrize(("content", "found"), [("", "NoneType"), ("- a", "list"), ("text", "str")])
def test_a_file_without_sections(tmp_path, content, found):
    path = tmp_path / "c.yaml"
    path.write_text(content)
    said = refused(path)
    assert "holds no sections" in said
    assert f"Found: {found}" in said
    assert "run, base, adapter" in said


@pytest.mark.parametrize("section", [5, "text", None])
def test_a_section_that_is_none(tmp_path, section):
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(LEAST | {"run": section}))
    assert f"found {section!r}" in refused(path)


def test_a_saved_config_reads_back_the_same(tmp_path):
    config = small_config(
        tmp_path,
        "run.dir=läufe/${run.steps}",
        "optimiser.lr=1e-7",
        "optimiser.args={betas: [0.9, 0.999], eps: 1e-8, name: '1e5', amsgrad: true, decay: null}",
        "engine.precision=no",
        "samples.prompts=['no', '1e5', '12', 'null', '', ' a: b', 'ein Füchslein 🦊', '2024-01-01']",
    )
    path = tmp_path / "saved.yaml"
    save_config(config, path)
    assert load_config(path) == config
    assert "läufe/10" in path.read_text("utf-8")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["saved.yaml", "small.yaml"]


def test_a_saved_config_holds_every_field(tmp_path):
    path = tmp_path / "saved.yaml"
    save_config(small_config(tmp_path), path)
    saved = yaml.safe_load(path.read_text("utf-8"))
    assert list(saved) == list(Config.model_fields)
    assert saved["optimiser"]["schedule"] == "constant"


def test_a_save_that_fails_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "saved.yaml"
    save_config(small_config(tmp_path), path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_config(small_config(tmp_path, "run.seed=9"), path)
    assert path.read_bytes() == before


LIKE_NUMBERS = ["1e-4_first_try", "1e-4x", "2024-01-31", "2024-13-45", "1e5.safetensors"]


@pytest.mark.parametrize("text", LIKE_NUMBERS)
def test_a_text_that_begins_like_a_number_or_date_is_a_text(tmp_path, text):
    config = load_config(written(tmp_path / "a.yaml"), [f"run.dir={text}"])
    assert config.run.dir == Path(text)
    save_config(config, tmp_path / "b.yaml")
    assert load_config(tmp_path / "b.yaml") == config


def test_a_text_in_the_place_of_a_number_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be used") as caught:
        load_config(written(tmp_path / "a.yaml"), ["optimiser.lr=1e-4x"])
    assert "optimiser.lr" in caught.value.found
    assert "'1e-4x'" in caught.value.found


REPEATED = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize("content", [REPEATED, "run: &a\n  dir: *a\n"], ids=["2^40 texts", "a circle"])
def test_aliases_without_end_are_refused(tmp_path, content):
    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(InputError, match="aliases"):
        load_config(tmp_path / "c.yaml")


def test_a_key_given_twice_is_an_error(tmp_path):
    path = written(tmp_path / "a.yaml")
    path.write_text(path.read_text() + "run:\n  dir: elsewhere\n  steps: 5\n")
    with pytest.raises(InputError, match="is not YAML") as caught:
        load_config(path)
    assert "run is given twice" in caught.value.found


def test_prompts_left_out_are_not_an_empty_list(tmp_path):
    assert load_config(written(tmp_path / "a.yaml")).samples.prompts is None
    assert load_config(written(tmp_path / "a.yaml"), ["samples.prompts=[]"]).samples.prompts == ()
