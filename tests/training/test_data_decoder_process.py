"""Files that kill or hang a decoder end nothing but its process."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import odd_decoders
import pytest
from media_files import jpeg, put

from stylecrafter_core.training.data.decoder_pool import DecoderPool
from stylecrafter_core.training.data.decoder_process import DecoderProcess
from stylecrafter_core.training.data.measure import Facts, Request
from stylecrafter_core.training.data.reasons import DIED, TOO_LONG


def request(folder, name):
    path = put(folder, name, jpeg())
    return Request(path, None, path.stat().st_size, "image")


def wait_until(holds):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def decoder():
    decoder = DecoderProcess(1.0, odd_decoders.by_name)
    yield decoder
    decoder.stop()


def test_a_file_that_kills_the_decoder(decoder, tmp_path):
    problem = decoder.run(request(tmp_path, "deadly.jpg"))
    assert problem.kind == DIED
    assert "exit code -11" in problem.text
    assert isinstance(decoder.run(request(tmp_path, "good.jpg")), Facts)


def test_a_file_that_hangs_the_decoder(decoder, tmp_path):
    problem = decoder.run(request(tmp_path, "endless.jpg"))
    assert problem.kind == TOO_LONG
    assert problem.text == "the decoder took longer than 1 s"
    assert isinstance(decoder.run(request(tmp_path, "good.jpg")), Facts)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_that_nobody_writes_to_hangs_the_real_decoder(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    decoder = DecoderProcess(0.5)
    try:
        assert decoder.run(Request(tmp_path / "pipe.jpg", None, 10, "image")).kind == TOO_LONG
    finally:
        decoder.stop()


def test_one_process_serves_many_files(tmp_path):
    decoder = DecoderProcess(5.0, odd_decoders.name_of_process)
    try:
        numbers = {decoder.run(request(tmp_path, f"{n}.jpg")).kind for n in range(3)}
    finally:
        decoder.stop()
    assert len(numbers) == 1
    assert numbers != {str(os.getpid())}


def test_results_keep_their_order_over_several_processes(tmp_path):
    requests = [request(tmp_path, f"{number}.jpg") for number in range(8)]
    with DecoderPool(2, 10.0, odd_decoders.slow_in_the_beginning) as pool:
        results = list(pool.map(lambda item, decode: (item, decode(item)), requests))
    assert [item for item, _ in results] == requests
    assert all(isinstance(facts, Facts) for _, facts in results)


def test_an_error_in_the_middle_leaves_no_process(tmp_path):
    requests = [request(tmp_path, f"{number}.jpg") for number in range(4)]

    def fail(item, decode):
        decode(item)
        raise RuntimeError("the caller's own fault")

    with pytest.raises(RuntimeError, match="own fault"), DecoderPool(2, 10.0) as pool:
        list(pool.map(fail, requests))
    assert all(decoder._process is None for decoder in pool._decoders)


def test_an_error_ends_the_file_that_another_process_has_and_leaves_its_end_to_its_thread(
    tmp_path, monkeypatch
):
    endless, good = request(tmp_path, "endless.jpg"), request(tmp_path, "good.jpg")
    pool = DecoderPool(2, 30.0, odd_decoders.by_name)
    under_way, stopped_meanwhile, ends = [], [], []
    stop = DecoderProcess.stop

    def fail_while_the_other_hangs(item, decode):
        if item is good:
            wait_until(endless.path.with_suffix(".begun").exists)
            raise RuntimeError("the caller's own fault")
        under_way.append(item)
        try:
            return decode(item)
        except CancelledError as error:
            ends.append(error)
            raise
        finally:
            under_way.remove(item)

    def watched(decoder):
        if threading.current_thread() is threading.main_thread():
            stopped_meanwhile.extend(under_way)
        stop(decoder)

    monkeypatch.setattr(DecoderProcess, "stop", watched)
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="own fault"), pool:
        list(pool.map(fail_while_the_other_hangs, [good, endless]))
    assert time.monotonic() - begun < 20, "the limit of a file is not waited for"
    assert len(ends) == 1, "nothing is said against the file"
    assert stopped_meanwhile == [], "the connection would be closed from two threads"
    assert all(decoder._process is None for decoder in pool._decoders)


def test_cancelled_is_for_good(decoder, tmp_path):
    good = request(tmp_path, "good.jpg")
    decoder.run(good)
    process = decoder._process
    decoder.cancel()
    process.join(10)
    assert not process.is_alive()
    for _ in range(2):
        with pytest.raises(CancelledError, match="was ended"):
            decoder.run(good)


def test_the_decoding_processes_do_not_load_torch():
    code = "import sys, stylecrafter_core.training.data.decoder_process; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
