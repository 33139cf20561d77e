"""Logs test scores and configs of runs to TensorBoard or other backends of MMEngine's visualizer.

Each evaluation is logged to the ``vis_backends`` of the run's config (default: TensorBoard), in
``tracking/`` of the run folder. Scalars are named ``test/<set>/<score>``, or
``test/<set>-<variant>/<score>`` for variants.
"""

import copy
import time

import pandas as pd
from mmengine.config import Config
from mmengine.registry import VISUALIZERS

from harness.errors import reason_of
from harness.runs.evaluations import Evaluation
from harness.runs.folder import RunFolder

_TENSORBOARD = dict(
    type='mmengine.Visualizer', vis_backends=[dict(type='mmengine.TensorboardVisBackend')]
)
LAST = 50  # frames


def track(
    cfg: Config,
    folder: RunFolder,
    evaluation: Evaluation,
    table: pd.DataFrame,
    iteration: int | None,
) -> None:
    """Logs the means of an evaluation; if a backend fails, prints one line and goes on.

    Args:
        cfg: The run's config, whose ``visualizer`` names the backends.
        folder: The run's folder.
        evaluation: The finished evaluation.
        table: Its frames, as :func:`harness.evaluation.evaluate.evaluate_set` returns them.
        iteration: The iteration of the checkpoint; None if nothing was trained.
    """
    # MLflow does not allow @
    place = f'test/{evaluation.key.replace("@", "-")}'
    scores = {f'{place}/{name}': value for name, value in means(table).items()}
    entry = copy.deepcopy(dict(cfg.get('visualizer') or _TENSORBOARD))  # MMEngine changes it
    # unique, because MMEngine returns the same object for the same name
    name = f'{folder.name} {evaluation.key} {time.time_ns()}'
    entry |= dict(name=name, save_dir=str(folder.tracking))
    try:
        visualizer = VISUALIZERS.build(entry)
        visualizer.add_config(cfg)
        visualizer.add_scalars(scores, step=iteration or 0)
        visualizer.close()
    except Exception as error:  # an unavailable server must not cost the results
        print(f'note: {evaluation.key} was not tracked: {reason_of(error)}'.splitlines()[0])


def means(table: pd.DataFrame) -> dict[str, float]:
    """Means over frames and then videos of every quantity, and PSNR of the last 50 frames."""
    numbers = table.drop(columns=['frame', 'ms'], errors='ignore').groupby('video').mean().mean()
    found = {name: float(value) for name, value in numbers.dropna().items()}
    found['psnr_last50'] = float(table.groupby('video')['psnr_y'].apply(_last).mean())
    return found


def _last(psnr: pd.Series) -> float:
    return psnr.iloc[-LAST:].mean()
