"""Synthetic work directories: invented numbers in the layout that runs leave on disk."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.figures.catalogue import drawings


class FakeGrid:
    """Writes a work directory file by file; every number in it is made up."""

    def __init__(self, work_dir: Path):
        self.work_dir = work_dir
        self.grid_json = {
            'name': 'fake',
            'networks': {},
            'train_sets': {'sample': {'label': 'Sample'}},
            'test_sets': {},
            'runs': [],
        }

    def test_set(self, key: str, label: str, **videos: int) -> None:
        self.grid_json['test_sets'][key] = {'label': label, 'videos': videos}

    def run(self, network, strategy=None, fc=False, repeats=None, seed=0, train_set='sample'):
        """Add a run to the grid and return its identity; nothing is written for it yet."""
        run_id = f'{network}-{strategy}-{"FC-" if fc else ""}R{repeats}-{train_set}-s{seed}'
        self.grid_json['networks'].setdefault(network, {'label': network.upper()})
        self.grid_json['runs'].append(
            {
                'run_id': run_id,
                'network': network,
                'strategy': strategy,
                'fc': fc,
                'repeats': repeats,
                'train_set': train_set,
                'seed': seed,
                'iterations': 600 if strategy else 0,
            }
        )
        return run_id

    def variant(self, run_id: str, name: str, reset_every=None, checkpoint='last') -> str:
        """Add a further evaluation of a run; return the identity of the trial."""
        run = next(run for run in self.grid_json['runs'] if run['run_id'] == run_id)
        plain = {'name': '', 'reset_every': None, 'checkpoint': 'last'}
        more = {'name': name, 'reset_every': reset_every, 'checkpoint': checkpoint}
        run.setdefault('variants', [plain]).append(more)
        return f'{run_id}@{name}'

    def record(self, run_id: str, **entries) -> None:
        """Record evaluations in ``evaluations.json``, by names of files without ``frames_``."""
        path = self.work_dir / 'runs' / run_id / 'evaluations.json'
        known = json.loads(path.read_text()) if path.is_file() else {}
        self._json(run_id, path.name, known | entries)

    def status(self, run_id: str, status: str, reason: str | None = None) -> None:
        entry = {'status': status, 'stage': 'train', 'iteration': 120, 'max_iters': 600}
        entry |= {'reason': reason, 'updated': 1735689600.0}
        self._json(run_id, 'status.json', entry)

    def pictures(self, key: str, video: str, frames, draw) -> None:
        """Save pictures of a video for every run of the grid, as an evaluation does.

        Args:
            key: test set.
            video: its name.
            frames: frame numbers.
            draw: gives the (H, W, 3) uint8 picture of (who, frame), where who is "gt", "bicubic"
                or the identity of a trial, and frame is a number or "profile".
        """
        references = self.work_dir / 'references' / key / video
        for frame in [*frames, 'profile']:
            stem = f'{frame:08d}' if isinstance(frame, int) else frame
            for kind in ('gt', 'bicubic'):
                name = f'{stem}_{kind}' if isinstance(frame, int) else f'profile_{kind}'
                _save(references / f'{name}.png', draw(kind, frame))
            for run in self.grid_json['runs']:
                for variant in run.get('variants', [{'name': ''}]):
                    suffix = f'@{variant["name"]}' if variant['name'] else ''
                    folder = self.work_dir / 'runs' / run['run_id'] / f'images_{key}{suffix}'
                    _save(folder / video / f'{stem}.png', draw(run['run_id'] + suffix, frame))

    def timing(self, run_id: str, ms: float) -> None:
        parts = {'load_ms': 0.1 * ms, 'state_pass_ms': 0.2 * ms, 'step_ms': 0.7 * ms}
        entry = {'iterations': 600, 'ms_per_iteration': ms, 'parameters': 37890, **parts}
        entry |= {'train_seconds': 0.6 * ms, 'device': 'cpu', 'threads': 1}
        self._json(run_id, 'timing.json', entry)

    def frames(self, trial_id: str, key: str, psnr, ssim: float = 0.7, **more: float) -> Path:
        """Write scores; ``psnr`` maps (video, frame numbers) to dB, ``more`` are quantities."""
        lines = [','.join(['video,frame,psnr_y,ssim_y,ms', *more])]
        rest = ','.join(map(str, [ssim, 5.0, *more.values()]))
        for video, count in self.grid_json['test_sets'][key]['videos'].items():
            values = np.broadcast_to(psnr(video, np.arange(count)), count)
            lines += [f'{video},{i},{value:.6f},{rest}' for i, value in enumerate(values)]
        run_id, at, variant = trial_id.partition('@')
        folder = run_id if run_id.startswith('external/') else f'runs/{run_id}'
        path = self.work_dir / folder / f'frames_{key}{at}{variant}.csv'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('\n'.join(lines) + '\n')
        return path

    def done(self, run_id: str, psnr, ms: float | None = None) -> None:
        """A finished run with the same ``psnr`` rule on every test set."""
        self.status(run_id, 'DONE')
        if ms:
            self.timing(run_id, ms)
        for key in self.grid_json['test_sets']:
            self.frames(run_id, key, psnr)

    def external(self, key: str, label: str, **entries) -> str:
        """Results of other people's code; their frames are written with :meth:`frames`."""
        self.grid_json.setdefault('external', {})[key] = {'label': label, **entries}
        folder = self.work_dir / 'external' / key
        folder.mkdir(parents=True)
        about = {'label': label, 'protocol': entries.get('protocol')}
        (folder / 'external.json').write_text(json.dumps(about))
        return f'external/{key}'

    def save(self) -> Path:
        self.work_dir.mkdir(parents=True, exist_ok=True)
        (self.work_dir / 'grid.json').write_text(json.dumps(self.grid_json))
        return self.work_dir

    def _json(self, run_id: str, name: str, entry: dict) -> None:
        path = self.work_dir / 'runs' / run_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entry))


def _save(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


@pytest.fixture
def fake(tmp_path):
    """An empty grid to fill."""
    return FakeGrid(tmp_path / 'work')


@pytest.fixture
def small(fake):
    """RI (two seeds) and three PI variants on a short and a long set, by round numbers."""
    fake.test_set('moving', 'Moving', **{'000': 10, '001': 20})
    fake.test_set('static', 'Static', still=200)
    psnr = {'RI': (20.0, 22.0), 2: (23.0,), 8: (25.0,)}
    for seed, value in enumerate(psnr['RI']):
        # Falls by 4 dB half way on the long set.
        rule = lambda _, t, v=value: np.where(t < 100, v, v - 4.0)  # noqa: E731
        fake.done(fake.run('net', 'RI', seed=seed), rule, ms=100.0 + seed)
    for repeats in (2, 8):
        rule = lambda _, t, v=psnr[repeats][0]: v + 0.0 * t  # noqa: E731
        fake.done(fake.run('net', 'PI', repeats=repeats), rule, ms=400.0 / repeats)
    fake.save()
    return fake


@pytest.fixture
def varied(small):
    """``small`` with resets of RI every 15 and 50 frames and of PI every 15; RI's best checkpoint.

    PSNR falls by 0.1 dB a frame since the last reset.
    """
    for seed in (0, 1):
        run = f'net-RI-RNone-sample-s{seed}'
        for every in (15, 50):
            trial = small.variant(run, f'reset{every}', every)
            for key in small.grid_json['test_sets']:
                small.frames(trial, key, lambda _, t, v=24.0 + seed, n=every: v - 0.1 * (t % n))
        best = small.variant(run, 'best', checkpoint='best')
        for key in small.grid_json['test_sets']:
            small.frames(best, key, lambda _, t, v=26.0 + seed: v)
    trial = small.variant('net-PI-R8-sample-s0', 'reset15', 15)
    for key in small.grid_json['test_sets']:
        small.frames(trial, key, lambda _, t: 25.5)
    small.save()
    return small


@pytest.fixture
def pictured(small):
    """``small`` with pictures: RI's are darker by 3 grey levels a frame in one corner."""
    truth = np.random.default_rng(0).integers(60, 200, (48, 64, 3), dtype=np.uint8)

    def draw(who, frame):
        picture = truth.copy()
        if '-RI-' in who:
            picture[:16, 40:56] -= np.uint8(50 if frame == 'profile' else min(3 * frame, 60))
        return picture

    small.pictures('static', 'still', [0, 100, 199], draw)
    small.truth = truth
    return small


@pytest.fixture
def two_figures(monkeypatch):
    """Reports of ``small`` have two figures only, because drawing takes them longest."""

    def of(grid, images):
        names = ('psnr_vs_frame_net', 'drift')
        return [drawing for drawing in drawings(grid, images) if drawing.name in names]

    monkeypatch.setattr('reports.figures.drawers.drawings', of)
