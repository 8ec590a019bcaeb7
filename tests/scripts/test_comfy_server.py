"""The server as a child process, with a stand-in for the host's main.py."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import comfy_server
import pytest

SCRIPTS = Path(comfy_server.__file__).parent
ANSWERS = """
    import http.server, os, pathlib, sys
    pathlib.Path("pid").write_text(str(os.getpid()))
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
    port = int(sys.argv[sys.argv.index("--port") + 1])
    http.server.HTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""
OWNER = """
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from comfy_server import serve
    with serve(Path(sys.argv[2]), Path(sys.argv[2]), cpu=True):
        print("serving", flush=True)
        time.sleep(60)
"""


def host_of(folder, main):
    (folder / "main.py").write_text(textwrap.dedent(main))
    return folder


def runs(pid):
    """Whether a process is there that has not ended yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_server_ends_with_its_context(tmp_path):
    host = host_of(tmp_path, ANSWERS)
    with comfy_server.serve(host, tmp_path, cpu=True):
        pid = int((tmp_path / "pid").read_text())
        assert runs(pid)
    assert not runs(pid)


def test_a_request_to_end_its_owner_ends_the_server_too(tmp_path):
    host = host_of(tmp_path, ANSWERS)
    command = [sys.executable, "-c", textwrap.dedent(OWNER), str(SCRIPTS), str(host)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as owner:
        assert owner.stdout.readline() == "serving\n"
        pid = int((tmp_path / "pid").read_text())
        owner.terminate()
        assert "KeyboardInterrupt" in owner.communicate(timeout=30)[1]
    assert not runs(pid)


def test_the_handler_of_before_is_put_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with comfy_server.serve(host_of(tmp_path, ANSWERS), tmp_path, cpu=True):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_server_that_ends_while_starting_gives_the_end_of_its_log(tmp_path):
    host = host_of(tmp_path, 'raise SystemExit("no such device")')
    with (
        pytest.raises(comfy_server.ServerError) as caught,
        comfy_server.serve(host, tmp_path, cpu=True),
    ):
        pytest.fail("it serves")
    assert "ended with code 1" in str(caught.value)
    assert str(caught.value).endswith("server.log:\nno such device")


def test_what_training_made_is_no_part_of_the_pack(tmp_path):
    pack = tmp_path / "pack"
    kept = ("__init__.py", "core/training/data/samples.py", "weights/base.safetensors")
    left_out = ("runs/first/adapter.safetensors", "data/pictures.jsonl", "tests/test_one.py", ".git/HEAD")
    for name in (*kept, *left_out):
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).touch()
    placed = comfy_server.place_pack(pack, tmp_path / "base")
    assert {str(file.relative_to(placed)) for file in placed.rglob("*") if file.is_file()} == set(kept)
