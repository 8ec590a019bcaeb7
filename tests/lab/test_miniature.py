"""The paper in miniature, without training: what is run, how scores become rows, and what agrees."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab import miniature
from lab.ablation import training
from lab.ablation.comparison import NOT_MEASURED, difference_rows, value_rows, values_table, verdict
from lab.ablation.training import Plan, TrainingError, check_settings, command, needs, recipes, trained
from lab.ablation.variants import PICTURES, RUNS, STAGES, TABLES, VARIANTS, VIDEOS
from lab.family.claims import claim
from lab.judging.judges import COPY, MOTION, NEAREST, RECOGNISED, SIMILARITY, WARP
from lab.measures import Estimate
from stylecrafter_core.errors import InputError
from stylecrafter_core.training.config import load_config

ROOT = Path(__file__).parents[2]


def plan_in(folder: Path, **more) -> Plan:
    settings = {"style_steps": 30, "temporal_steps": 10, "overrides": (), "host": folder / "host"}
    return Plan(**{"family": folder / "family", "work": folder / "work", **settings, **more})


def config_of(plan: Plan, name: str, seed: int = 4):
    """What train.py makes of the command line."""
    words = command(plan, RUNS[name], seed)
    given = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    return load_config(Path(words[words.index("--config") + 1]), given)


def scores_of(full: dict, **others: dict) -> dict:
    """Two seeds, four pairs: every value is the measure's number, a little more in the second seed."""
    return {
        variant: {name: [[[value] * 2] * 2, [[value + 0.01] * 2] * 2] for name, value in values.items()}
        for variant, values in {"full": full, **others}.items()
    }


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_a_config_that_the_trainer_takes(tmp_path, name):
    config = config_of(plan_in(tmp_path), name)
    assert config.run.seed == 4
    assert config.run.dir == tmp_path / "work" / "runs" / f"{name}-4"
    assert config.base.checkpoint == tmp_path / "family" / "base.safetensors"


def test_each_ablation_of_pictures_changes_one_field(tmp_path):
    full = config_of(plan_in(tmp_path), "style").model_dump()
    for name, section, field in (
        ("no_augmentation", "data", "style_crop"),
        ("attach", "method", "fusion"),
        ("fixed_gain", "method", "gain"),
    ):
        changed = config_of(plan_in(tmp_path), name).model_dump()
        changed["run"]["dir"] = full["run"]["dir"]
        assert changed[section][field] != full[section][field]
        changed[section][field] = full[section][field]
        assert changed == full


def test_joint_training_sees_as_many_pictures_and_clips_as_both_stages(tmp_path):
    joint, temporal = (config_of(plan_in(tmp_path), name) for name in ("joint", "temporal"))
    assert joint.run.steps == 40
    picture_steps = joint.run.steps * joint.data.image_share
    assert picture_steps == pytest.approx(30 + 10 * temporal.data.image_share)
    assert joint.data.image_share != temporal.data.image_share
    assert (joint.data.frames, joint.data.video_batch) == (temporal.data.frames, temporal.data.video_batch)
    assert len(joint.data.manifests) == 2


def test_stage_two_starts_from_its_own_seeds_adapter(tmp_path):
    adapter = tmp_path / "work" / "runs" / "style-4" / "adapter.safetensors"
    assert config_of(plan_in(tmp_path), "temporal").base.adapter == adapter
    assert config_of(plan_in(tmp_path), "no_temporal").base.adapter == adapter


def test_further_settings_of_the_trainer_come_last(tmp_path):
    plan = plan_in(tmp_path, overrides=("engine.precision=bf16", "optimiser.lr=0.5"))
    config = config_of(plan, "style")
    assert (config.engine.precision, config.optimiser.lr) == ("bf16", 0.5)


def test_a_cache_of_the_family_is_used(tmp_path):
    assert config_of(plan_in(tmp_path), "style").data.cache is None
    (tmp_path / "family" / "cache").mkdir(parents=True)
    assert config_of(plan_in(tmp_path), "style").data.cache == tmp_path / "family" / "cache"


def test_a_family_that_is_not_there_is_named_with_what_is_missing(tmp_path):
    (tmp_path / "base.safetensors").touch()
    with pytest.raises(InputError, match=r"image_encoder\.safetensors") as error:
        needs(tmp_path)
    assert "docs/miniature.md" in error.value.fix


@pytest.mark.parametrize("wrong", ["data.image_bacth=8", "optimiser.lr=fast"])
def test_settings_that_the_trainer_would_refuse_are_refused_before_any_run(tmp_path, wrong):
    check_settings(plan_in(tmp_path, overrides=("engine.precision=bf16",)))
    with pytest.raises(InputError, match=wrong.split("=")[0].replace(".", r"\.")):
        check_settings(plan_in(tmp_path, overrides=(wrong,)))


def test_a_comparison_is_refused_after_its_recipe_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "ROOT", tmp_path)
    for file in STAGES.values():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text((ROOT / file).read_text(encoding="utf-8"), encoding="utf-8")
    claim(tmp_path / "comparison.json", recipes())
    style = tmp_path / STAGES["style"]
    style.write_text(f"# another remark\n{style.read_text(encoding='utf-8')}", encoding="utf-8")
    claim(tmp_path / "comparison.json", recipes())
    style.write_text(style.read_text(encoding="utf-8").replace("style_norm_lr: 40.0", "style_norm_lr: 41.0"))
    with pytest.raises(InputError) as caught:
        claim(tmp_path / "comparison.json", recipes())
    assert caught.value.found == "style: optimiser.style_norm_lr: 40.0"
    assert caught.value.expected == "style: optimiser.style_norm_lr: 41.0"


@pytest.fixture
def trainer(tmp_path, monkeypatch) -> Path:
    """A train.py that notes its runs and writes both files, or fails where its run folder is told to."""
    script = tmp_path / "train.py"
    script.write_text(
        "import pathlib, sys\n"
        "given = dict(word.split('=', 1) for word in sys.argv if '=' in word)\n"
        "folder = pathlib.Path(given['run.dir'])\n"
        "folder.mkdir(parents=True)\n"
        "with open(pathlib.Path(__file__).with_name('runs'), 'a') as runs:\n"
        "    print(folder.name, file=runs)\n"
        "if folder.name.startswith('attach'):\n"
        "    sys.exit('the disk is full')\n"
        "for name in ('adapter', 'temporal'):\n"
        "    (folder / f'{name}.safetensors').touch()\n"
    )
    monkeypatch.setattr(training, "ROOT", tmp_path)
    return tmp_path / "runs"


def test_what_a_run_starts_from_is_trained_before_and_nothing_twice(tmp_path, trainer):
    plan = plan_in(tmp_path)
    folder = trained(plan, "temporal", 1)
    trained(plan, "no_temporal", 1)
    trained(plan, "temporal", 1)
    assert folder == plan.folder("temporal", 1)
    assert trainer.read_text().split() == ["style-1", "temporal-1", "no_temporal-1"]


def test_a_run_that_fails_is_named_with_its_last_words(tmp_path, trainer):
    with pytest.raises(TrainingError, match="the disk is full") as error:
        trained(plan_in(tmp_path), "attach", 0)
    assert "attach-0" in str(error.value)


def test_every_variant_has_a_run_and_a_published_number_for_each_column():
    assert len(VARIANTS) == sum(len(table.variants) for table in TABLES)
    for table in TABLES:
        assert len(table.measured) == len(table.paper_columns)
        for variant in table.variants:
            assert variant.run in RUNS
            assert len(variant.paper) == len(table.paper_columns)


def test_a_row_has_our_numbers_with_intervals_and_the_papers():
    scores = scores_of({RECOGNISED: 0.6, NEAREST: 0.5, SIMILARITY: 0.7, COPY: 0.1})
    full, missing = value_rows(PICTURES, scores)[:2]
    assert full[:2] == ["full", "2"]
    assert [cell.mean for cell in full[2:6]] == pytest.approx([0.605, 0.505, 0.705, 0.105])
    assert all(cell.low <= cell.mean <= cell.high for cell in full[2:6])
    assert full[6:] == ["0.3028", "0.4836"]
    assert missing[2:6] == [NOT_MEASURED] * 4
    assert "0.605 [0.600, 0.610]" in values_table(PICTURES, scores)


def test_differences_are_taken_seed_by_seed_and_judged():
    scores = scores_of(
        {RECOGNISED: 0.6, NEAREST: 0.5, SIMILARITY: 0.7, COPY: 0.1},
        attach={RECOGNISED: 0.2, NEAREST: 0.4, SIMILARITY: 0.7, COPY: 0.9},
    )
    content, style = difference_rows(PICTURES, scores)
    assert content[2].mean == pytest.approx(-0.4)
    assert content[2].high < 0
    assert (content[3], content[4]) == ("-0.2045", "yes")
    assert (style[3], style[4]) == ("+0.2496", "no")


def test_a_difference_whose_interval_holds_zero_is_open():
    assert verdict(Estimate(0.1, 0.1, 6, -0.1, 0.3), 0.2) == "open"
    assert verdict(Estimate(0.1, float("nan"), 1, float("nan"), float("nan")), 0.2) == "open"
    assert verdict(Estimate(-0.2, 0.1, 6, -0.3, -0.1), -1.0) == "yes"


def test_videos_are_compared_by_their_warp_error_too():
    assert [variant.moves for variant in VIDEOS.variants] == [True] * 3
    assert VIDEOS.measured[-1] == WARP
    assert MOTION in VIDEOS.beside


def test_the_command_offers_every_row():
    assert tuple(VARIANTS) == miniature.ROWS
    chosen = miniature.arguments_of(["--only", "attach", "--set", "engine.precision=bf16", "--seeds", "7"])
    assert (chosen.only, chosen.set, chosen.seeds) == (["attach"], ["engine.precision=bf16"], [7])


def test_a_trial_writes_its_own_page_unless_one_is_named():
    of = miniature.arguments_of
    assert miniature.document_of(of(["--work", "runs/trial"])) == Path("runs/trial/miniature.md")
    assert miniature.document_of(of(["--document", "docs/mine.md"])) == Path("docs/mine.md")


def test_the_document_has_a_place_for_every_table():
    skeleton = (ROOT / "lab" / "ablation" / "skeleton.md").read_text(encoding="utf-8")
    for table in TABLES:
        for name in (f"miniature_{table.name}", f"miniature_{table.name}_differences"):
            assert skeleton.count(f"<!-- table: {name} -->") == 1
    assert skeleton.count("<!-- table:") == skeleton.count("<!-- end of table -->")


def test_the_published_page_is_the_skeleton_with_its_tables_and_pictures_and_what_we_read_in_them():
    skeleton, page = (
        re.sub(
            r"(<!-- (?:table|picture): .* -->\n)[^<]*(?=<!-- end of)", r"\1", file.read_text(encoding="utf-8")
        )
        for file in (
            ROOT / "lab" / "ablation" / "skeleton.md",
            ROOT / "docs" / "miniature.md",
        )
    )
    assert page.partition("\n## What we read in the tables\n")[0] == skeleton
