"""What sources find, before anything is decoded."""

import json
import tarfile

import pytest
from media_files import add, film, jpeg, put, tar

from stylecrafter_core.errors import InputError
from stylecrafter_core.training.data.reasons import (
    MISSING,
    TRUNCATED,
    UNDECODABLE,
    UNREADABLE_ROW,
    UNREADABLE_TEXT,
)
from stylecrafter_core.training.data.sources import scan


def test_a_folder_is_searched_in_order_of_names(tmp_path):
    put(tmp_path, "b/two.PNG", b"x", "second")
    put(tmp_path, "a.jpg", b"xyz", "first")
    put(tmp_path, "b/clip.mp4", b"xx", "moving")
    put(tmp_path, "c.webp", b"x", None)
    put(tmp_path, "notes.md", b"x", None)
    put(tmp_path, ".hidden/d.jpg", b"x")
    found = list(scan(tmp_path))
    assert [(it.path.name, it.kind, it.raw_caption) for it in found] == [
        ("a.jpg", "image", "first"),
        ("clip.mp4", "video", "moving"),
        ("two.PNG", "image", "second"),
        ("c.webp", "image", None),
    ]
    assert (found[0].size, found[0].offset) == (3, None)
    assert all(it.path.is_absolute() and it.problem is None for it in found)


def write_lines(path, rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def test_json_lines_with_each_name_of_a_column(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.mp4"):
        put(tmp_path / "files", name, b"x", None)
    rows = [
        {"path": "files/a.jpg", "caption": "one"},
        {"file_name": "files/b.jpg", "text": "two"},
        {"image": "files/c.jpg", "prompt": "three"},
        "",
        {"video": str(tmp_path / "files" / "d.mp4"), "caption": "", "text": "four"},
    ]
    found = list(scan(write_lines(tmp_path / "list.jsonl", rows)))
    assert [(it.path.name, it.raw_caption) for it in found] == [
        ("a.jpg", "one"),
        ("b.jpg", "two"),
        ("c.jpg", "three"),
        ("d.mp4", "four"),
    ]


def test_bad_rows_are_problems_of_their_own(tmp_path):
    put(tmp_path, "good.jpg", b"x", None)
    put(tmp_path, "page.html", b"x", None)
    rows = [
        "{broken",
        "[" * 100_000,
        "[1]",
        {"url": "x"},
        {"path": "gone.jpg", "caption": "x"},
        {"path": f"{'a' * 5000}.jpg", "caption": "x"},
        {"path": "page.html", "caption": "x"},
        {"path": "good.jpg", "caption": 5},
    ]
    found = list(scan(write_lines(tmp_path / "list.jsonl", rows)))
    kinds = [it.problem and it.problem.kind for it in found]
    assert kinds == [*[UNREADABLE_ROW] * 4, MISSING, MISSING, UNDECODABLE, None]
    assert found[0].problem.text == "line 1: not a JSON object"
    assert "no path in any of the columns path, file_name, image, video" in found[3].problem.text
    assert ".html" in found[6].problem.text
    assert found[7].raw_caption is None


def test_csv_with_commas_and_a_byte_order_mark(tmp_path):
    put(tmp_path, "a.jpg", b"x", None)
    table = tmp_path / "list.csv"
    table.write_text('\ufeffimage,caption\na.jpg,"a dog, a cat"\n', "utf-8")
    (found,) = scan(table)
    assert (found.path, found.raw_caption) == (tmp_path / "a.jpg", "a dog, a cat")


def test_csv_with_other_columns_is_refused(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("contentUrl,name\nx,y\n", "utf-8")
    with pytest.raises(InputError, match=r"list\.csv has no columns for paths and captions") as error:
        list(scan(table))
    assert error.value.found == "contentUrl, name"


def test_tar_members_are_grouped_and_read_in_place(tmp_path):
    members = {
        "0001.json": json.dumps({"caption": "from json"}).encode(),
        "0001.jpg": jpeg(1),
        "sub/0002.mp4": film(4),
        "sub/0002.txt": b"from text",
        "0003.jpg": jpeg(3),
        "0004.txt": b"no picture",
        "0005.jpg": jpeg(5),
        "0005.json": b"{broken",
        "0006.jpg": jpeg(6),
        "0006.json": b"[" * 100_000,
    }
    archive = tar(tmp_path / "shard.tar", members)
    found = list(scan(archive))
    assert [(it.member, it.kind, it.raw_caption) for it in found] == [
        ("0001.jpg", "image", "from json"),
        ("sub/0002.mp4", "video", "from text"),
        ("0003.jpg", "image", None),
        ("0005.jpg", "image", None),
        ("0006.jpg", "image", None),
    ]
    data = archive.read_bytes()
    for it in found:
        assert data[it.offset : it.offset + it.size] == members[it.member]


def add_link(archive, name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    archive.addfile(info)


def header_with_a_hole(name, stored, size):
    """GNU tar's form: of `size` bytes only the first `stored` are there."""
    info = tarfile.TarInfo(name)
    info.type, info.size = tarfile.GNUTYPE_SPARSE, stored
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, stored)
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def test_links_in_a_tar_are_a_problem_of_their_own(tmp_path):
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        add(archive, "1.jpg", jpeg())
        add(archive, "1.txt", b"one")
        add_link(archive, "2.jpg", "1.jpg", tarfile.LNKTYPE)
        add(archive, "2.txt", b"two")
        add(archive, "3.jpg", jpeg(3))
        add_link(archive, "3.txt", "/etc/hostname", tarfile.SYMTYPE)
        add_link(archive, "4.jpg", "", tarfile.DIRTYPE)
        add(archive, "5.jpg", jpeg(5))
        add_link(archive, "5.txt", "", tarfile.DIRTYPE)
    found = list(scan(tmp_path))
    assert [(it.member, it.raw_caption, it.problem and it.problem.kind) for it in found] == [
        ("1.jpg", "one", None),
        ("2.jpg", None, UNDECODABLE),
        ("3.jpg", None, UNDECODABLE),
        ("5.jpg", None, None),
    ]
    assert "2.jpg is a link" in found[1].problem.text
    assert "3.txt is a link" in found[2].problem.text


def test_a_member_that_is_too_long_for_a_caption_is_not_read(tmp_path):
    archive = tar(tmp_path / "shard.tar", {"1.jpg": jpeg(), "1.txt": b" " * (2**20 + 1)})
    [found] = scan(archive)
    assert found.problem.kind == UNREADABLE_TEXT
    assert "1,048,577 bytes" in found.problem.text


def test_members_with_holes_are_a_problem(tmp_path):
    (tmp_path / "shard.tar").write_bytes(header_with_a_hole("1.jpg", 512, 2**21) + bytes(3 * 512))
    [found] = scan(tmp_path / "shard.tar")
    assert found.problem.kind == UNDECODABLE
    assert "stored with holes" in found.problem.text


def test_a_folder_that_is_linked_into_itself_is_searched_once(tmp_path):
    put(tmp_path, "a.jpg", jpeg(), "one")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert [it.raw_caption for it in scan(tmp_path)] == ["one"]


def test_a_folder_of_tars(tmp_path):
    for name in ("b", "a"):
        tar(tmp_path / f"{name}.tar", {"1.jpg": jpeg(), "1.txt": name.encode()})
    assert [it.raw_caption for it in scan(tmp_path)] == ["a", "b"]


def test_a_tar_cut_between_members_keeps_what_is_whole(tmp_path):
    archive = tar(tmp_path / "shard.tar", {"1.jpg": jpeg(1), "1.txt": b"one", "2.jpg": jpeg(2)})
    data = archive.read_bytes()
    second = next(it for it in scan(archive) if it.member == "2.jpg")
    archive.write_bytes(data[: second.offset + 10])
    found = list(scan(archive))
    assert found[0].member == "1.jpg"
    assert found[0].raw_caption == "one"
    assert found[-1].problem.kind == TRUNCATED


def test_a_compressed_tar_is_refused(tmp_path):
    archive = tar(tmp_path / "shard.tar", {"1.jpg": jpeg()}, mode="w:gz")
    with pytest.raises(InputError, match="cannot be read as a tar") as error:
        list(scan(archive))
    assert error.value.expected == "an uncompressed tar"


@pytest.mark.parametrize(
    ("name", "message"), [("gone", "does not exist"), ("list.xlsx", "is of an unknown kind")]
)
def test_other_sources_are_refused(tmp_path, name, message):
    (tmp_path / "list.xlsx").write_bytes(b"x")
    with pytest.raises(InputError, match=message) as error:
        list(scan(tmp_path / name))
    assert name in str(error.value)
    assert error.value.expected == "a folder, a .jsonl, a .csv or a .tar"


TEXTS = {
    "UTF-8": "un château, 夏".encode(),
    "UTF-8 with its mark": "un château, 夏".encode("utf-8-sig"),
    "UTF-16 as Windows writes it": "un château, 夏".encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + "un château, 夏".encode("utf-16-be"),
}
NO_TEXTS = {
    "Latin-1": ("un château".encode("latin-1"), "byte 0xe2 in the caption is not UTF-8"),
    "Shift JIS": ("夏の海".encode("shift_jis"), "is not UTF-8"),
    "UTF-16 without a mark": ("a boat".encode("utf-16-le"), "the caption holds '\\x00', which is no text"),
    "half of UTF-16": ("a boat".encode("utf-16")[:-1], "the caption is cut off or no UTF-16"),
    "UTF-32": ("a boat".encode("utf-32"), "the caption is UTF-32"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00", "is not UTF-8"),
}


def all_sources(tmp_path, caption: bytes) -> list:
    """The caption beside a picture, and in a tar."""
    put(tmp_path / "folder", "a.jpg", b"x", None)
    (tmp_path / "folder" / "a.txt").write_bytes(caption)
    packed = tar(tmp_path / "a.tar", {"a.jpg": b"x", "a.txt": caption})
    return [*scan(tmp_path / "folder"), *scan(packed)]


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_captions_in_utf_8_and_marked_utf_16(tmp_path, data):
    found = all_sources(tmp_path, data)
    assert [(it.raw_caption, it.problem) for it in found] == [("un château, 夏", None)] * 2


@pytest.mark.parametrize(("data", "words"), NO_TEXTS.values(), ids=NO_TEXTS)
def test_captions_that_are_no_text_are_a_problem(tmp_path, data, words):
    found = all_sources(tmp_path, data)
    assert [(it.raw_caption, it.problem.kind) for it in found] == [(None, UNREADABLE_TEXT)] * 2
    assert all(words in it.problem.text for it in found)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lists_in_utf_8_and_marked_utf_16(tmp_path, encoding):
    put(tmp_path, "a.jpg", b"x", None)
    (tmp_path / "list.csv").write_bytes("path,caption\r\na.jpg,un château\r\n".encode(encoding))
    (tmp_path / "list.jsonl").write_bytes('{"path": "a.jpg", "caption": "un château"}\n'.encode(encoding))
    for name in ("list.csv", "list.jsonl"):
        assert [it.raw_caption for it in scan(tmp_path / name)] == ["un château"]


def test_a_row_that_is_not_utf_8_is_a_problem_of_its_own(tmp_path):
    put(tmp_path, "a.jpg", b"x", None)
    rows = [("a.jpg", "un château".encode("latin-1")), ("a.jpg", b"a boat")]
    table = b"".join(name.encode() + b"," + caption + b"\n" for name, caption in rows)
    (tmp_path / "list.csv").write_bytes(b"path,caption\n" + table)
    lines = [b'{"path": "%s", "caption": "%s"}\n' % (name.encode(), caption) for name, caption in rows]
    lines.append(b'{"path": "a.jpg", "caption": "half a letter: \\ud83d"}\n')
    (tmp_path / "list.jsonl").write_bytes(b"".join(lines))
    for name in ("list.csv", "list.jsonl"):
        bad, good, *more = scan(tmp_path / name)
        assert bad.problem.kind == UNREADABLE_TEXT
        assert "0xe2" in bad.problem.text
        assert (good.raw_caption, good.problem) == ("a boat", None)
        assert all("no text" in it.problem.text for it in more)


def test_a_list_that_is_cut_off_in_a_letter_is_refused(tmp_path):
    (tmp_path / "list.csv").write_bytes("path,caption\na.jpg,boat\n".encode("utf-16")[:-1])
    with pytest.raises(InputError, match="cannot be read as text") as caught:
        list(scan(tmp_path / "list.csv"))
    assert "UTF-16" in caught.value.found


def test_a_file_that_is_too_long_for_a_caption_is_not_read(tmp_path):
    put(tmp_path, "a.jpg", b"x", None)
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(20 * 2**30)
    [found] = scan(tmp_path)
    assert found.problem.kind == UNREADABLE_TEXT
    assert "21,474,836,480 bytes" in found.problem.text
