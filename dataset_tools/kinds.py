"""The kinds of frames of a set: which is made from which, and how the manifest describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dataset_tools.degrade.filters import crop_to_multiple, pad_to_multiple
from dataset_tools.manifest import DatasetError, VideoSet

_ABOUT_GT = {
    False: {'made_by': 'cropped at the right and at the bottom to a multiple of 4'},
    True: {'made_by': 'padded at the right and at the bottom by reflection to a multiple of 4'},
}
_ROUNDING = 'once, half to even'
_MIRRORED = 'reflect without repeating the edge'


def _blurred(sigma: float, taps: int, padding: str, phase: float = 0) -> dict[str, Any]:
    return {
        'made_by': 'blurred, then every 4th pixel kept',
        'blur': 'gaussian',
        'sigma': sigma,
        'taps': taps,
        'padding': padding,
        'phase': phase,
        'rounding': _ROUNDING,
    }


_ABOUT_LR = {
    'lr_bd': _blurred(1.5, 13, _MIRRORED),
    'lr_bd_tecogan': _blurred(1.5, 9, _MIRRORED),
    'lr_bd_rlsp': _blurred(1.5, 13, 'reflect with the edge repeated'),
    'lr_bd_duf': _blurred(1.6, 13, _MIRRORED),
    'lr_bd_basicvsr': _blurred(1.6, 12, 'edge replicated', 1.5),
    'lr_bi': {
        'made_by': "bicubic with antialiasing, MATLAB's imresize by 1/4",
        'padding': 'reflect with the edge repeated',
        'rounding': _ROUNDING,
    },
    'lr_bi_pil': {
        'made_by': "bicubic with antialiasing, Pillow's resize by 1/4",
        'padding': 'none: fewer taps at the borders',
        'rounding': 'between columns and rows, and at the end',
    },
}
_ABOUT_CHANGED_LR = {'made_by': 'the LR frames themselves were changed; they have no ground truth'}
_ABOUT_GIVEN_LR = {'made_by': 'the LR frames are as they were given; they have no ground truth'}
_ABOUT_MASK = {'made_by': 'white where the pixel is in all windows of the video'}
_ABOUT_CODED_LR = {'made_by': 'encoded by a video codec and decoded again, see parameters'}


@dataclass(frozen=True)
class Layout:
    """Which kinds a set holds.

    Attributes:
        given: Kind of the frames that a tool makes: ``gt``, or an LR kind for a set without HR.
        made: LR kinds made from ``gt``.
        pad: Whether ``gt`` is padded to a multiple of 4 instead of cropped.
        beside: Kinds whose frames the tool gives beside those: ``mask``, of the same size, or LR
            kinds that are not made from ``gt`` alone.
        unchanged: Whether a set without HR holds the unchanged frames of its source.
    """

    given: str = 'gt'
    made: tuple[str, ...] = ('lr_bd',)
    pad: bool = False
    beside: tuple[str, ...] = ()
    unchanged: bool = False

    def describe(self) -> dict[str, dict[str, Any]]:
        """Kind -> how its frames are made, for the manifest."""
        about_lr = _ABOUT_GIVEN_LR if self.unchanged else _ABOUT_CHANGED_LR
        given = _ABOUT_GT[self.pad] if self.given == 'gt' else about_lr
        kinds = {self.given: given} | {kind: _ABOUT_LR[kind] for kind in self.made}
        return kinds | {k: _ABOUT_MASK if k == 'mask' else _ABOUT_CODED_LR for k in self.beside}

    def fit(self, frame: np.ndarray) -> np.ndarray:
        """Crops or pads an HR frame to a size that 4 divides; LR frames stay as they are.

        Raises:
            DatasetError: The frame is too small to be cropped.
        """
        if self.given != 'gt':
            return frame
        return pad_to_multiple(frame) if self.pad else crop_to_multiple(frame)


def layout_like(source: VideoSet, on: str = 'hr', mask: bool = False) -> Layout:
    """Returns the layout of a set made from another, with the same LR kinds.

    Args:
        source: The source set.
        on: ``hr``: HR frames are changed and LR made from them; ``lr``: the source's first LR
            kind is changed, and there is no HR.
        mask: Whether there will be masks.

    Raises:
        DatasetError: The source has no frames of the kind to be changed.
    """
    lr_kinds = source.lr_kinds
    if not (lr_kinds if on == 'lr' else 'gt' in source.kinds):
        raise DatasetError(
            f'{source.root}: has no {on.upper()} frames to start from, only '
            f'{", ".join(source.kinds)}; choose another set'
        )
    beside = ('mask',) if mask else ()
    if on == 'lr':
        return Layout(given=lr_kinds[0], made=(), beside=beside)
    return Layout(made=lr_kinds or ('lr_bd',), beside=beside)
