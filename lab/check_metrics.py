"""Check the measures of evaluate.py on real material whose answer is known.

python lab/check_metrics.py                  all of it
python lab/check_metrics.py styles footage   some of it

styles    20 paintings × 5 photographs in their style, by AdaIN: how often the true painting is the nearest
footage   real footage, and the same in the style of 12 paintings frame by frame: warp error under each flow
captions  12 photographs: how many find their own caption among the 12, by `conse`

Needs the packages of lab/requirements.txt and the style network, which lab/make_small_data.py fetches;
captions needs those that docs/evaluation.md names for `conse`. A few minutes on two cores. Exit status 1: an
answer is not as it should be, or cannot be had.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).absolute().parents[1]))

from lab.evaluation.known_answers import CAPTIONED, captions_found, footage_and_stylised, true_style_first
from lab.evaluation.metric_choice import style_metrics
from lab.evaluation.package_embedders import ClassNames
from lab.judging.paintings import held_out_paintings
from lab.measures import estimate
from stylecrafter_core.errors import StyleCrafterError
from stylecrafter_core.metrics import dis_medium, farneback

PAINTINGS, FOOTAGE_PAINTINGS = 20, 12
LEAST_SHARE, LEAST_CAPTIONS = 0.8, 9


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checks", nargs="*", metavar="check", type=_check, help=", ".join(CHECKS))
    wanted = parser.parse_args().checks or list(CHECKS)
    good = True
    for name in wanted:
        try:
            good &= CHECKS[name]()
        except StyleCrafterError as error:
            print(f"\n{name} cannot be checked. {error}", file=sys.stderr)
            good = False
    return 0 if good else 1


def _check(name: str) -> str:
    if name not in CHECKS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(CHECKS)}")
    return name


def _styles() -> bool:
    shares = true_style_first(style_metrics(), held_out_paintings()[:PAINTINGS])
    for name, share in shares.items():
        print(f"{name}: the true style is the nearest of {PAINTINGS} in {share:.0%}", flush=True)
    return min(shares.values()) >= LEAST_SHARE


def _footage() -> bool:
    """The mean over the styles, and each share of the contrast: a pale film has small errors of all kinds."""
    flows = (dis_medium(), farneback())
    source, stylised = footage_and_stylised(flows, held_out_paintings()[:FOOTAGE_PAINTINGS])
    good = True
    for name in [f"{kind}.{flow.backend}" for flow in flows for kind in ("warp_error", "warp_error_masked")]:
        values = [film[name] for film in stylised]
        shares = [film[name] / film["contrast"] for film in stylised]
        share = source[name] / source["contrast"]
        found = estimate(values)
        higher = sum(value > source[name] for value in values)
        print(f"{name}: footage {source[name]:.2f}, stylised {min(values):.2f} to {max(values):.2f}")
        print(f"  mean of {found.n} styles {found.mean:.2f}, 95 % {found.low:.2f} to {found.high:.2f}")
        print(f"  higher in {higher} of {found.n} styles", flush=True)
        print(f"  of the contrast: footage {share:.3f}, stylised {min(shares):.3f} to {max(shares):.3f}")
        good &= found.low > source[name] and min(shares) > share
    return good


def _captions() -> bool:
    found = captions_found(ClassNames())
    missed = [caption for *_, caption in CAPTIONED if caption not in found]
    print(f"conse_text: {len(found)} of {len(CAPTIONED)} photographs find their caption", flush=True)
    print(f"not: {'; '.join(missed) or 'none'}")
    return len(found) >= LEAST_CAPTIONS


CHECKS = {"styles": _styles, "footage": _footage, "captions": _captions}

if __name__ == "__main__":
    sys.exit(main())
