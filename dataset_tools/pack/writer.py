"""Packs the frames of a set in tiles, so that reading a window does not decode whole frames."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from tqdm import tqdm
from zarr.codecs import BloscCodec, Crc32cCodec

from dataset_tools.frames import read_frame
from dataset_tools.manifest import MANIFEST, DatasetError, VideoSet
from dataset_tools.pack.files import PACK_FORMAT, array_files
from dataset_tools.pack.reader import PackedVideos
from dataset_tools.scratch import scratch_folder

# Frames per file, and tile size; a window of 64 LR pixels overlaps 4 to 9 tiles.
BLOCK_FRAMES = 8
LR_TILE = 32


def make_packed_set(
    source_root: str | Path, output_root: str | Path, jobs: int | None = None
) -> tuple[VideoSet, bool]:
    """Packs a set.

    Args:
        source_root: The set.
        output_root: The packed set to make.
        jobs: Frames read in parallel; None means all cores.

    Returns:
        The packed set, with the same checksum, and whether it was made now (False: it was there
        already).

    Raises:
        DatasetError: The source is packed already or damaged, or the output holds something else.
    """
    source, root = VideoSet.load(source_root), Path(output_root)
    if source.packed:
        raise DatasetError(f'{source.root}: is packed already')
    tiles = {kind: _tile(source, kind) for kind in source.kinds}
    about = {'format': PACK_FORMAT, 'frames': BLOCK_FRAMES, 'tiles': tiles}
    found = _already_there(root, source, about)
    if found is not None:
        return found, False
    with (
        scratch_folder(root) as scratch,
        ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0))) as pool,
    ):
        folder = scratch / 'set'
        files: dict[str, dict[str, Any]] = {kind: {} for kind in source.kinds}
        videos = [(kind, name) for kind in source.kinds for name in source.videos]
        for kind, name in tqdm(videos, desc=root.name, unit='video', disable=None, leave=False):
            array = _new_array(source, kind, name, folder / kind / name, tiles[kind])
            _fill(array, source, kind, name, pool)
            files[kind][name] = array_files(folder / kind / name)
        for name in source.manifest.get('files', {}):
            shutil.copyfile(source.place(name), folder / name)
        manifest = {**source.manifest, 'packed': {**about, 'files': files}}
        text = json.dumps(manifest, indent=1) + '\n'
        (folder / MANIFEST).write_text(text, encoding='utf-8')
        folder.rename(root)
    return VideoSet.load(root), True


def _tile(source: VideoSet, kind: str) -> int:
    """Tiles of all kinds cover the same part of the picture."""
    return LR_TILE if kind.startswith('lr') or 'gt' not in source.kinds else LR_TILE * source.scale


def _new_array(source: VideoSet, kind: str, name: str, folder: Path, tile: int) -> zarr.Array:
    height, width = source.videos[name].sizes[kind]
    different = len(set(source.manifest['videos'][name][kind]['sha256']))
    return zarr.create_array(
        folder,
        shape=(different, height, width, 3),
        dtype='uint8',
        chunks=(BLOCK_FRAMES, tile, tile, 3),
        # One file per block; one per tile would mean hundreds of files per video.
        shards=(BLOCK_FRAMES, -(-height // tile) * tile, -(-width // tile) * tile, 3),
        compressors=[
            BloscCodec(cname='zstd', clevel=5, shuffle='noshuffle'),
            Crc32cCodec(),
        ],
        fill_value=0,
        # Black tiles are written too, so that a missing file is always an error.
        config={'write_empty_chunks': True},
    )


def _fill(
    array: zarr.Array, source: VideoSet, kind: str, name: str, pool: ThreadPoolExecutor
) -> None:
    checksums = source.manifest['videos'][name][kind]['sha256']
    # First occurrence of each distinct frame.
    indices = [checksums.index(checksum) for checksum in dict.fromkeys(checksums)]
    for start in range(0, len(indices), BLOCK_FRAMES):
        block = indices[start : start + BLOCK_FRAMES]
        frames = pool.map(lambda i: _read_checked(source, kind, name, i, checksums[i]), block)
        array[start : start + len(block)] = np.stack(list(frames))


def _read_checked(source: VideoSet, kind: str, name: str, index: int, checksum: str) -> np.ndarray:
    path = source.frame_path(kind, name, index)
    frame = read_frame(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != checksum:
        raise DatasetError(
            f'{path}: not the frame of the manifest; see `python -m dataset_tools verify '
            f'{source.root}`'
        )
    return frame


def _already_there(root: Path, source: VideoSet, about: dict[str, Any]) -> VideoSet | None:
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return None
    found = VideoSet.load(root)
    packed = found.manifest.get('packed')
    held = {k: packed.get(k) for k in about} if isinstance(packed, dict) else None
    if found.checksum != source.checksum or held != about:
        raise DatasetError(
            f'{root}: holds another set; choose another output, or delete the folder'
        )
    PackedVideos(found)
    return found
