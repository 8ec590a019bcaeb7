"""A short run of the fuzzer; `python tests/formats/fuzz.py --cases 20000` is the long one."""

from __future__ import annotations

from collections import Counter

import pytest
from fuzz import run

CASES, SEED = 280, 3


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_damaged_files_are_refused_or_load_as_the_whole_ones(tmp_path):
    results = list(run(range(CASES), SEED, tmp_path))
    assert [result for result in results if result.is_fault] == []
    outcomes = Counter(result.outcome for result in results)
    assert outcomes["refused"] > CASES / 2, "the mutations do damage"
    assert outcomes["same"] > CASES / 20, "and some do none"
