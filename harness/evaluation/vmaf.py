"""VMAF, if there is an FFmpeg with libvmaf: on the PATH or from imageio-ffmpeg.

PyAV's FFmpeg is built without libvmaf.
"""

import json
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from harness.evaluation.protocol import Region


def missing() -> str | None:
    """How to make VMAF available; None if it is."""
    if _ffmpeg():
        return None
    return (
        'needs an ffmpeg with the filter libvmaf; put one on the PATH, or '
        "pip install 'vsr-stability[iqa]', or omit it"
    )


@cache
def _ffmpeg() -> str | None:
    """The path of an FFmpeg that has the filter; None if there is none."""
    found = [shutil.which('ffmpeg')]
    if find_spec('imageio_ffmpeg'):
        from imageio_ffmpeg import get_ffmpeg_exe

        found.append(get_ffmpeg_exe())
    for program in filter(None, found):
        command = [program, '-hide_banner', '-filters']
        filters = subprocess.run(command, capture_output=True, text=True).stdout
        if ' libvmaf ' in filters:
            return program
    return None


class Vmaf:
    """VMAF of each frame (Li et al., Netflix 2016), 0 to 100, by libvmaf's default model.

    Its motion feature uses neighbouring frames, so the scores are known only after the last frame.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """Passes a frame to FFmpeg; returns NaN, see :meth:`finish`.

        Raises:
            ValueError: FFmpeg has failed.
        """
        both = np.concatenate([gt[region], sr[region]], axis=1)
        if self._process is None:
            self._process = self._start(*gt[region].shape[:2])
        assert self._process.stdin and self._process.stderr  # they are pipes
        try:
            self._process.stdin.write(both.tobytes())
        except BrokenPipeError:
            raise ValueError(_message(self._process.stderr.read())) from None
        return float('nan')

    def _start(self, height: int, width: int) -> subprocess.Popen:
        """Starts FFmpeg with one pipe for GT (left) and SR (right), which it separates."""
        from harness.errors import fail

        if problem := missing():
            fail(f'vmaf {problem}')
        self._folder = tempfile.TemporaryDirectory(prefix='vmaf-')
        cut = f'crop={width}:{height}'
        filters = (
            f'format=yuv444p,split[a][b];[a]{cut}:0:0[gt];[b]{cut}:{width}:0[sr];'
            '[sr][gt]libvmaf=log_fmt=json:log_path=log.json'
        )
        size = f'{2 * width}x{height}'
        source = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', size, '-i', '-']
        return subprocess.Popen(
            [str(_ffmpeg()), '-v', 'error', *source, '-lavfi', filters, '-f', 'null', '-'],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder.name,
        )

    def finish(self) -> list[float]:
        """The scores of all frames of the video; empty if there were none.

        Raises:
            ValueError: FFmpeg has failed.
        """
        if self._process is None:
            return []
        with self._folder as folder:
            error = self._process.communicate()[1]
            if self._process.returncode:
                raise ValueError(_message(error))
            frames = json.loads(Path(folder, 'log.json').read_text())['frames']
        return [frame['metrics']['vmaf'] for frame in frames]


def _message(error: bytes) -> str:
    lines = error.decode(errors='replace').strip().splitlines()
    return f'vmaf: FFmpeg failed: {lines[-1] if lines else "no reason given"}'
