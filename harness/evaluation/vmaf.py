"""VMAF, where there is an FFmpeg that has it: the one on the PATH, or that of imageio-ffmpeg.

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

from harness.evaluation.protocols import Region


def missing() -> str | None:
    """What to do to have VMAF; None where it is at hand."""
    if _ffmpeg():
        return None
    return (
        'needs an ffmpeg with the filter libvmaf; put one on the PATH, or '
        "pip install 'vsr-stability[iqa]', or leave it out"
    )


@cache
def _ffmpeg() -> str | None:
    """A program that has the filter."""
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

    Its motion feature looks at neighbouring frames, so that the scores come at a video's end.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def __call__(self, gt: np.ndarray, sr: np.ndarray, region: Region) -> float:
        """Hands a frame over; NaN, see :meth:`finish`.

        Raises:
            ValueError: FFmpeg has ended.
        """
        both = np.concatenate([gt[region], sr[region]], axis=1)
        if self._process is None:
            self._start(*gt[region].shape[:2])
        try:
            self._process.stdin.write(both.tobytes())
        except BrokenPipeError:
            raise ValueError(self._failure()) from None
        return float('nan')

    def _start(self, height: int, width: int) -> None:
        """One pipe for both: GT at the left, SR at the right, cut apart by FFmpeg."""
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
        self._process = subprocess.Popen(
            [_ffmpeg(), '-v', 'error', *source, '-lavfi', filters, '-f', 'null', '-'],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder.name,
        )

    def finish(self) -> list[float]:
        """The scores of all frames of the video; none if it had none.

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

    def _failure(self) -> str:
        return _message(self._process.stderr.read())


def _message(error: bytes) -> str:
    lines = error.decode(errors='replace').strip().splitlines()
    return f'vmaf: FFmpeg failed: {lines[-1] if lines else "no reason given"}'
