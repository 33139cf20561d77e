"""IconVSR's keyframes: their choice, the frames that EDVR reads, and the use of its features.

Shapes: B batch, T frames of a clip, C channels, p ``padding``, the number of frames on each side
of a keyframe that EDVR reads.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from harness.networks.surrounded import Surrounded, in_order


class Refill(NamedTuple):
    """Features (N, C, H, W) of the keyframes, and the index (B, T) of each frame's feature.

    ``places`` are on the CPU; they are -1 for frames that are not keyframes.
    """

    feats: Tensor
    places: Tensor

    @classmethod
    def of(cls, keys: Tensor, edvr: Callable, frames: Tensor, places: Tensor) -> 'Refill':
        """Computes the features of the keyframes ``keys`` (B, T), which are on the CPU.

        ``edvr`` is called once for each frame number that is a keyframe in some samples, with the
        windows (N, 2p + 1, 3, H, W) of those samples: ``frames`` (B, .., 3, H, W) at ``places``
        (B, T, 2p + 1).
        """
        feats, numbers, found = [], torch.full(keys.shape, -1), 0
        for i in torch.nonzero(keys.any(0))[:, 0].tolist():
            videos = torch.nonzero(keys[:, i])[:, 0]
            numbers[videos, i] = torch.arange(found, found + len(videos))
            found += len(videos)
            videos = videos.to(frames.device)
            feats.append(edvr(frames[videos[:, None], places[videos, i]]))
        return cls(torch.cat(feats) if feats else frames.new_zeros(0), numbers)

    def visited(self, backward: bool, lengths: Tensor | None) -> 'Refill':
        """The same for the frames in the order in which a branch visits them."""
        lengths = None if lengths is None else lengths.cpu()
        return self._replace(places=in_order(self.places, backward, lengths))

    def fuse(self, fusion: Callable, feat: Tensor, step: int) -> Tensor:
        """Features (B, C, H, W) at ``step``, fused with EDVR's where the frame is a keyframe."""
        places = self.places[:, step]
        videos = torch.nonzero(places >= 0)[:, 0]
        if not len(videos):
            return feat
        refill = self.feats[places[videos].to(feat.device)]
        if len(videos) == len(feat):
            return fusion(torch.cat([feat, refill], 1))
        videos = videos.to(feat.device)
        fused = fusion(torch.cat([feat[videos], refill], 1))
        return feat.index_copy(0, videos, fused.to(feat.dtype))


def keyframes(around: Surrounded, phase: Tensor, stride: int) -> Tensor:
    """Mask (B, T) of the keyframes: every ``stride``-th frame and the last frame of the video.

    ``phase`` (B, 1) is the number of the first frame of each clip; it may be taken modulo
    ``stride``.
    """
    frames = around.frames.size(1) - 2 * around.count
    numbers = torch.arange(frames, device=around.frames.device)
    followers = around.known[:, around.count + 1 : around.count + 1 + frames]
    keys = ((phase + numbers) % stride == 0) | (followers == 0)
    return keys if around.lengths is None else keys & (numbers < around.lengths[:, None])


def windows(around: Surrounded, padding: int) -> Tensor:
    """Indices (B, T, 2p + 1) into the frames ``around`` that EDVR reads for each frame.

    As in MMagic, frames beyond the end of a video are replaced by those on the other side of the
    window; if the video is too short for that, by its last (first) frame.
    """
    total = around.frames.size(1)
    numbers = torch.arange(total, device=around.frames.device)
    known = around.known > 0
    first = numbers.where(known, total).amin(1)[:, None, None]
    last = numbers.where(known, -1).amax(1)[:, None, None]
    reach = torch.arange(-padding, padding + 1, device=numbers.device)
    places = numbers[around.count : -around.count, None] + reach
    low = (2 * first + padding - places).minimum(last)
    high = (2 * last - padding - places).maximum(first)
    return torch.where(places < first, low, torch.where(places > last, high, places))


def pack(feats: Sequence[Tensor], refill: Refill) -> list[Tensor]:
    """One tensor (B, 2C + 1, H, W) per frame: feature, EDVR's feature, keyframe mask."""
    packed = []
    for feat, places in zip(feats, refill.places.to(feats[0].device).unbind(1), strict=True):
        is_key = (places >= 0)[:, None, None, None]
        own = torch.zeros_like(feat)
        if is_key.any():
            own = refill.feats[places.clamp(min=0)].to(feat.dtype).where(is_key, 0)
        packed.append(torch.cat([feat, own, is_key.to(feat).expand_as(feat[:, :1])], 1))
    return packed


def unpack(packed: Sequence[Tensor]) -> tuple[list[Tensor], Refill]:
    """The inverse of :func:`pack`: the features of all frames, and those of the keyframes."""
    clip = torch.stack(list(packed), 1)
    channels = clip.size(2) // 2
    feats, own, marks = clip.split([channels, channels, 1], 2)
    is_key = marks[:, :, 0, 0, 0] > 0
    places = (is_key.flatten().cumsum(0) - 1).view_as(is_key).where(is_key, -1)
    return list(feats.unbind(1)), Refill(own[is_key], places.cpu())
