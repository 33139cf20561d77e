"""Whole videos from frame 0, streaming where the network allows it."""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Optional, Union

import numpy as np
import torch

from harness.networks.recurrent import RecurrentNet


class SRFrame(NamedTuple):
    """An SR frame (4H, 4W, 3), uint8 RGB, and the milliseconds that the network took for it."""

    rgb: np.ndarray
    ms: float


def super_resolve(
    net: RecurrentNet,
    lr_frames: Iterable[np.ndarray],
    device: Union[str, torch.device],
    length: Optional[int] = None,
) -> Iterator[SRFrame]:
    """Yields the SR frame of each LR frame (H, W, 3), uint8 RGB, in order.

    A unidirectional network holds one frame and its state in memory; a bidirectional one needs the
    whole video, and its time is spread evenly over the frames. ``length`` is the number of frames,
    None if it is not known beforehand.
    """
    net.eval()
    if net.bidirectional:
        return _whole(net, lr_frames, device)
    return _stream(net, lr_frames, device, length)


@torch.inference_mode()
def _stream(net, lr_frames, device, length):
    states = None
    for number, frame in enumerate(lr_frames):
        lrs = _to_tensor([frame], device)
        begin = time.perf_counter()
        srs, states = net(lrs, states, start=number, return_states=True, length=length)
        rgb = _to_uint8(srs[0, 0])
        yield SRFrame(rgb, 1e3 * (time.perf_counter() - begin))


@torch.inference_mode()
def _whole(net, lr_frames, device):
    lrs = _to_tensor(list(lr_frames), device)
    begin = time.perf_counter()
    frames = [_to_uint8(sr) for sr in net(lrs, length=lrs.size(1))[0]]
    ms = 1e3 * (time.perf_counter() - begin) / len(frames)
    for rgb in frames:
        yield SRFrame(rgb, ms)


def _to_tensor(frames, device):
    clip = torch.from_numpy(np.stack(frames)).to(device)
    return clip.permute(0, 3, 1, 2).float().div_(255)[None]


def _to_uint8(sr):
    # a network that diverged to NaN gives a black frame: its PSNR is then finite and very low
    sr = torch.nan_to_num(sr, nan=0.0).clamp(0, 1)
    return sr.mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
