"""Sources to manifest and quarantine list: every bad input is counted under its reason and ends nothing."""

import json
from dataclasses import replace

import pytest
from media_files import cmyk_jpeg, encoded, film, jpeg, pixels, put, rgba_png, tar, turned_jpeg

from stylecrafter_core.errors import InputError, MediaError
from stylecrafter_core.training.data import reasons
from stylecrafter_core.training.data.manifest import read_bytes, read_manifest, write_manifest
from stylecrafter_core.training.data.prepare import check_manifest, prepare
from stylecrafter_core.training.data.samples import decode_picture

SINGLE_FRAME = film(1, seed=7)
BAD_FILES = {
    "cut.jpg": (jpeg(11)[:-200], "a dog", reasons.TRUNCATED),
    "cut.png": (encoded(pixels(12), "PNG")[:-700], "a dog", reasons.TRUNCATED),
    "cut.webp": (encoded(pixels(13), "WEBP")[:-100], "a dog", reasons.TRUNCATED),
    "cut.mp4": (film(20, seed=14)[:-300], "a dog", reasons.TRUNCATED),
    "cut.webm": (film(40, seed=15, format="webm", codec="libvpx-vp9")[:-2500], "a dog", reasons.TRUNCATED),
    "text.jpg": (b"<html>404</html>", "a dog", reasons.UNDECODABLE),
    "text.mp4": (b"<html>404</html>", "a dog", reasons.UNDECODABLE),
    "empty.png": (b"", "a dog", reasons.EMPTY),
    "empty.mp4": (b"", "a dog", reasons.EMPTY),
    "inks.jpg": (cmyk_jpeg(16), "a dog", reasons.CMYK),
    "glass.png": (rgba_png(17), "a dog", reasons.ALPHA),
    "turned.jpg": (turned_jpeg(18, 6), "a dog", reasons.TURNED),
    "one.mp4": (SINGLE_FRAME, "a dog", reasons.ONE_FRAME),
    "uneven.mp4": (film(20, seed=19, times=[*range(10), *range(14, 24)]), "a dog", reasons.UNEVEN),
    "silent.jpg": (jpeg(20), None, reasons.NO_CAPTION),
    "blank.jpg": (jpeg(21), " \n", reasons.NO_CAPTION),
    "style.jpg": (jpeg(22), "an oil painting", reasons.CAPTION_GONE),
    "tiny.jpg": (encoded(pixels(23, 20, 90), "JPEG"), "a dog", reasons.TOO_SMALL),
    "zz_copy.jpg": (jpeg(1), "the same again", reasons.DUPLICATE),
}


def quarantine(report):
    lines = report.quarantine_path.read_text(encoding="utf-8").splitlines()
    return {row["path"]: row for row in map(json.loads, lines)}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A folder with all that can be wrong, two good pictures and a good video, prepared once."""
    folder = tmp_path_factory.mktemp("mixed")
    put(folder, "good.jpg", jpeg(1), "A painting of a fox")
    put(folder, "plain.png", encoded(pixels(2), "PNG"))
    put(folder, "moving.mp4", film(20, seed=3), "a bar moves")
    for name, (data, caption, _) in BAD_FILES.items():
        put(folder, name, data, caption)
    return folder, prepare([folder], folder / "set.jsonl", min_side=32, workers=2)


@pytest.mark.parametrize("name", BAD_FILES)
def test_each_bad_file_stands_under_its_reason(mixed, name):
    _, report = mixed
    row = quarantine(report)[name]
    assert row["kind"] == BAD_FILES[name][2]
    assert row["reason"]


def test_everything_is_counted(mixed):
    folder, report = mixed
    assert (report.kept_images, report.kept_videos) == (2, 1)
    assert sum(report.quarantined.values()) == len(BAD_FILES) == len(quarantine(report))
    assert report.quarantined[reasons.TRUNCATED] == 5
    assert report.quarantine_path == folder / "set.quarantine.jsonl"


def test_reasons_say_what_to_do(mixed):
    rows = quarantine(mixed[1])
    for name in ("inks.jpg", "glass.png", "turned.jpg"):
        assert rows[name]["reason"].endswith("prepare --convert takes such files, converted")
    assert rows["zz_copy.jpg"]["reason"] == "duplicate of good.jpg"
    assert rows["tiny.jpg"]["reason"] == "90×20; the shorter side must have 32 pixels"
    assert "'an oil painting'" in rows["style.jpg"]["reason"]


def test_the_manifest_says_what_was_decoded(mixed):
    folder, report = mixed
    manifest = read_manifest(report.manifest_path)
    assert manifest.root == folder
    fox, video, png = manifest.items
    assert (fox.path, fox.kind, fox.width, fox.height, fox.frames, fox.fps) == (
        "good.jpg",
        "image",
        60,
        40,
        1,
        None,
    )
    assert (fox.caption, fox.raw_caption) == ("a fox", "A painting of a fox")
    assert (video.path, video.kind, video.width, video.height, video.frames) == (
        "moving.mp4",
        "video",
        96,
        64,
        20,
    )
    assert video.fps == pytest.approx(10)
    assert read_bytes(manifest.located()[2]) == (folder / "plain.png").read_bytes()
    assert manifest.images == (fox, png)
    assert manifest.videos == (video,)


def test_convert_lets_in_what_decoding_makes_rgb(tmp_path):
    put(tmp_path, "inks.jpg", cmyk_jpeg(1))
    put(tmp_path, "glass.png", rgba_png(2))
    put(tmp_path, "turned.jpg", turned_jpeg(3, 6))
    report = prepare([tmp_path], tmp_path / "set.jsonl", convert=True)
    assert report.kept_images == 3
    assert not report.quarantined
    manifest = read_manifest(report.manifest_path)
    turned = next(item for item in manifest.items if item.path == "turned.jpg")
    assert (turned.width, turned.height) == (40, 60)
    for item in manifest.located():
        assert decode_picture(read_bytes(item)).shape == (item.height, item.width, 3)


def test_the_same_bytes_whatever_the_number_of_workers(tmp_path):
    for number in range(6):
        put(tmp_path / "data", f"{number}.jpg", jpeg(number))
    one = prepare([tmp_path / "data"], tmp_path / "one.jsonl", workers=1)
    two = prepare([tmp_path / "data"], tmp_path / "two.jsonl", workers=3)
    assert one.manifest_path.read_bytes() == two.manifest_path.read_bytes()


def test_tars_and_lists_together(tmp_path):
    broken = jpeg(2)[:-200]
    tar(tmp_path / "shard.tar", {"a.jpg": jpeg(1), "a.txt": b"in a tar", "b.jpg": broken, "b.txt": b"x"})
    tar(tmp_path / "films.tar", {"f.mp4": film(8), "f.txt": b"a film"})
    put(tmp_path, "c.jpg", jpeg(3), None)
    (tmp_path / "list.csv").write_text("path,caption\nc.jpg,in a list\ngone.jpg,x\n", "utf-8")
    sources = [tmp_path / name for name in ("shard.tar", "films.tar", "list.csv")]
    report = prepare(sources, tmp_path / "set.jsonl")
    manifest = read_manifest(report.manifest_path)
    assert [item.caption for item in manifest.items] == ["in a tar", "a film", "in a list"]
    assert read_bytes(manifest.located()[0]) == jpeg(1)
    rows = quarantine(report)
    assert rows["shard.tar/b.jpg"]["kind"] == reasons.TRUNCATED
    assert rows["gone.jpg"]["kind"] == reasons.MISSING
    assert check_manifest(manifest) == []


def test_nothing_usable_is_an_error_that_names_the_reasons(tmp_path):
    put(tmp_path, "a.jpg", b"")
    with pytest.raises(InputError, match="Nothing to train on") as error:
        prepare([tmp_path], tmp_path / "set.jsonl")
    assert error.value.found == "1 × zero bytes"
    assert "set.quarantine.jsonl" in error.value.fix
    assert (tmp_path / "set.quarantine.jsonl").is_file()
    assert not (tmp_path / "set.jsonl").exists()


def test_an_empty_folder_is_an_error(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match="Nothing to train on") as error:
        prepare([tmp_path / "data"], tmp_path / "set.jsonl")
    assert error.value.found == "no picture and no video"


def test_a_source_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        prepare([tmp_path / "gone"], tmp_path / "set.jsonl")


@pytest.mark.parametrize(("name", "number"), [("workers", 0), ("min_side", 0), ("time_limit_s", 0.0)])
def test_numbers_out_of_range_are_named_and_nothing_is_written(tmp_path, name, number):
    put(tmp_path, "good.jpg", jpeg(1), "a fox")
    with pytest.raises(InputError, match=f"{name} {number}"):
        prepare([tmp_path], tmp_path / "set.jsonl", **{name: number})
    assert {path.name for path in tmp_path.iterdir()} == {"good.jpg", "good.txt"}


def test_preflight_finds_what_has_changed_since(tmp_path):
    for number in range(5):
        put(tmp_path, f"{number}.jpg", jpeg(number))
    manifest = read_manifest(prepare([tmp_path], tmp_path / "set.jsonl").manifest_path)
    (tmp_path / "1.jpg").write_bytes(jpeg(9))
    (tmp_path / "2.jpg").write_bytes(jpeg(2)[:-100])
    (tmp_path / "3.jpg").unlink()
    (tmp_path / "4.jpg").write_bytes(b"")
    found = {it.path: it for it in check_manifest(manifest, workers=2)}
    assert {name: it.kind for name, it in found.items()} == {
        "1.jpg": reasons.CHANGED,
        "2.jpg": reasons.TRUNCATED,
        "3.jpg": reasons.MISSING,
        "4.jpg": reasons.EMPTY,
    }
    assert "sha256" in found["1.jpg"].reason
    with pytest.raises(MediaError, match=r"3\.jpg is not what the manifest says"):
        read_bytes(manifest.located()[3])
    with pytest.raises(MediaError, match=r"2\.jpg is not what the manifest says") as error:
        read_bytes(manifest.located()[2])
    assert error.value.expected == f"{len(jpeg(2))} bytes"


def test_preflight_compares_what_was_measured(tmp_path):
    put(tmp_path, "a.jpg", jpeg(1))
    manifest = read_manifest(prepare([tmp_path], tmp_path / "set.jsonl").manifest_path)
    wrong = replace(manifest, items=(replace(manifest.items[0], width=61),))
    (found,) = check_manifest(wrong)
    assert found.reason == "different: width; run prepare again"


def test_a_moved_folder_keeps_its_manifest(tmp_path):
    put(tmp_path / "old", "a.jpg", jpeg(1))
    prepare([tmp_path / "old"], tmp_path / "old" / "set.jsonl")
    (tmp_path / "old").rename(tmp_path / "new")
    manifest = read_manifest(tmp_path / "new" / "set.jsonl")
    assert read_bytes(manifest.located()[0]) == jpeg(1)


def test_files_outside_the_root_keep_their_whole_path(tmp_path):
    outside = put(tmp_path / "elsewhere", "a.jpg", jpeg(1), None)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "list.jsonl").write_text(json.dumps({"path": str(outside), "caption": "a fox"}))
    report = prepare([tmp_path / "lists" / "list.jsonl"], tmp_path / "set.jsonl")
    manifest = read_manifest(report.manifest_path)
    assert manifest.items[0].path == str(outside)
    assert read_bytes(manifest.located()[0]) == jpeg(1)
    write_manifest(tmp_path / "again.jsonl", manifest)
    assert read_manifest(tmp_path / "again.jsonl") == manifest


def test_files_without_captions_where_they_are_asked_for(tmp_path):
    put(tmp_path / "data", "none.jpg", jpeg(31), None)
    put(tmp_path / "data", "style.jpg", jpeg(32), "oil painting")
    put(tmp_path / "data", "both.jpg", jpeg(33), "a dog")
    prepare([tmp_path / "data"], tmp_path / "data.jsonl", need_captions=False)
    items = read_manifest(tmp_path / "data.jsonl").items
    assert {item.path: item.caption for item in items} == {
        "none.jpg": "",
        "style.jpg": "",
        "both.jpg": "a dog",
    }
    report = prepare([tmp_path / "data"], tmp_path / "data.jsonl")
    assert (report.kept_images, report.quarantined.total()) == (1, 2)


def test_videos_at_a_variable_rate_are_taken_where_asked_for(tmp_path):
    put(tmp_path / "data", "phone.mp4", film(20, times=[*range(10), *range(14, 24)]))
    report = prepare([tmp_path / "data"], tmp_path / "data.jsonl", convert=True)
    (item,) = read_manifest(report.manifest_path).items
    assert item.frames == 20
    assert item.fps == pytest.approx(10 * 19 / 23)
    assert check_manifest(read_manifest(report.manifest_path)) == []
