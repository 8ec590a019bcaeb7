"""The table of subjects: how each is drawn, where it can be, its colours and its verbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .animals import elephant, fox, giraffe, rabbit
from .colours import Palette
from .kit import Sketch
from .landmarks import flower, lighthouse, mushroom, snowman, tree
from .pose import Pose
from .vehicles import balloon, car, rocket, sailing_boat
from .winged import bird, butterfly, fish

Verb = tuple[str, str]  # runs, running

LEFT_RIGHT = ("left", "right")
DEPTH = ("nearer", "away", "stays")
UP_DOWN = ("up", "down")

WALKS, RUNS = ("walks", "walking"), ("runs", "running")
FLIES, SWIMS, MOVES = ("flies", "flying"), ("swims", "swimming"), ("moves", "moving")
STANDS, COMES, GOES = ("stands", "standing"), ("comes", "coming"), ("goes", "going")
RISES, SINKS, FLOATS = ("rises", "rising"), ("sinks", "sinking"), ("floats", "floating")
CLIMBS, HOVERS, HOPS = ("climbs", "climbing"), ("hovers", "hovering"), ("hops", "hopping")
DRIVES, ROLLS, SAILS = ("drives", "driving"), ("rolls", "rolling"), ("sails", "sailing")
GLIDES, DRIFTS = ("glides", "gliding"), ("drifts", "drifting")


@dataclass(frozen=True)
class Subject:
    """One row.

    Args:
        draw: into a sketch, looking to the right, in any units.
        habitat: land, air, or water.
        rooted: it does not leave its place; only its distance changes.
        travels: verbs for every direction but up and down.
        rests: verbs without motion.
        rises, falls: verbs for up and down.
        wet: whether it is in the water or on it.
        only: motions, where a task has fewer than its verbs tell.
    """

    name: str
    draw: Callable[[Sketch, Palette, Pose], None]
    habitat: str
    colours: tuple[str, ...]
    travels: tuple[Verb, ...]
    rests: tuple[Verb, ...]
    rises: tuple[Verb, ...] = ()
    falls: tuple[Verb, ...] = ()
    rooted: bool = False
    wet: str = "on"
    only: tuple[str, ...] = ()

    @property
    def motions(self) -> tuple[str, ...]:
        if self.only:
            return self.only
        return DEPTH if self.rooted else LEFT_RIGHT + DEPTH + (UP_DOWN if self.rises else ())


ANY = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
FUR = ("red", "orange", "white", "grey", "brown", "blue", "purple", "pink")
ROOTED = (COMES, MOVES)  # the eye moves, and to the eye it is the thing that comes

_ROWS = (
    Subject("fox", fox, "land", FUR, (RUNS, WALKS, ("trots", "trotting")), (STANDS,)),
    Subject("elephant", elephant, "land", FUR, (WALKS, ("marches", "marching")), (STANDS,)),
    Subject("giraffe", giraffe, "land", (*FUR[:-1], "yellow"), (WALKS, ("strides", "striding")), (STANDS,)),
    Subject("rabbit", rabbit, "land", FUR, (HOPS, ("jumps", "jumping")), (("sits", "sitting"),)),
    Subject("bird", bird, "air", ANY, (FLIES,), (HOVERS,), (FLIES, RISES, CLIMBS), (FLIES, SINKS)),
    Subject(
        "butterfly",
        butterfly,
        "air",
        ANY,
        (FLIES, ("flutters", "fluttering")),
        (HOVERS,),
        (FLIES, ("flutters", "fluttering"), RISES),
        (FLIES, ("flutters", "fluttering"), SINKS),
    ),
    Subject("fish", fish, "water", ANY, (SWIMS, GLIDES), (FLOATS,), wet="in"),
    Subject("car", car, "land", ANY, (DRIVES, ROLLS), (STANDS, ("is parked", "parked"))),
    Subject("sailing boat", sailing_boat, "water", ANY, (SAILS, GLIDES), (FLOATS, ("rests", "resting"))),
    Subject(
        "hot-air balloon",
        balloon,
        "air",
        ANY[:-1],
        (FLOATS, DRIFTS, FLIES),
        (HOVERS,),
        (RISES, FLOATS),
        (SINKS, FLOATS),
    ),
    Subject(
        "rocket",
        rocket,
        "air",
        ANY,
        (FLIES,),
        (HOVERS,),
        (FLIES, RISES, CLIMBS),
        (FLIES, ("falls", "falling")),
    ),
    Subject("snowman", snowman, "land", ANY[:-1], (HOPS, ("bounces", "bouncing")), (STANDS,)),
    Subject("lighthouse", lighthouse, "land", ANY[:-1], ROOTED, (STANDS,), rooted=True),
    Subject("tree", tree, "land", ANY[:-1], ROOTED, (STANDS, ("grows", "growing")), rooted=True),
    Subject("flower", flower, "land", ANY, ROOTED, (STANDS, ("grows", "growing")), rooted=True),
    Subject(
        "mushroom",
        mushroom,
        "land",
        (*ANY[:-1], "brown"),
        ROOTED,
        (STANDS, ("grows", "growing")),
        rooted=True,
    ),
)

BY_NAME = {row.name: row for row in _ROWS}
SUBJECTS: tuple[str, ...] = tuple(BY_NAME)
