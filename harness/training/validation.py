"""Validation during training, on moving and static videos (PI-BPTT paper, Sec. VI-A)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mmagic.registry import LOOPS, METRICS
from mmengine.dist import all_gather_object, is_main_process
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from harness.data import prefetch
from harness.data.validation import KINDS, ValidationVideo
from harness.evaluation.inference import super_resolve
from harness.evaluation.metrics import psnr, rgb_to_y
from harness.networks.recurrent import RecurrentNet
from harness.runs.files import replacing


@LOOPS.register_module()
class VideoValLoop(BaseLoop):
    """Super-resolves whole videos from their first frame on, and scores every frame.

    The scores of all frames are written to ``validation/iter_<n>.csv`` in the run's folder.

    Args:
        runner: Passed by MMEngine.
        dataloader: Loads a :class:`~harness.data.validation.ValidationVideoDataset`.
        evaluator: Has a :class:`StabilityMetric`.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
    ) -> None:
        super().__init__(runner, dataloader)
        self.evaluator = (
            evaluator if isinstance(evaluator, Evaluator) else runner.build_evaluator(evaluator)
        )

    def run(self) -> dict:
        """Runs the validation and returns the metrics."""
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        scored = []
        net = self.runner.train_loop.model.generator
        for number, batch in enumerate(self.dataloader):
            self.runner.call_hook('before_val_iter', batch_idx=number, data_batch=batch)
            outputs = [_score(net, video) for video in batch['video']]
            scored += outputs
            self.evaluator.process(data_samples=outputs)
            self.runner.call_hook(
                'after_val_iter', batch_idx=number, data_batch=batch, outputs=outputs
            )
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        table = _frame_table(all_gather_object(scored))
        write_table(table, Path(self.runner.work_dir) / f'validation/iter_{self.runner.iter}.csv')
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics


def _score(net: RecurrentNet, video: ValidationVideo) -> dict:
    device = next(net.parameters()).device
    srs = super_resolve(net, prefetch(video.read(video.lr_kind)), device, video.frames)
    scores = [
        psnr(rgb_to_y(gt), rgb_to_y(sr.rgb)) for gt, sr in zip(video.read('gt'), srs, strict=True)
    ]
    return dict(video=video.name, kind=video.kind, psnr_y=scores)


def _frame_table(shares: list[list[dict]]) -> pd.DataFrame:
    """The scores of all ranks, one row per frame."""
    rows = [
        (r['kind'], r['video'], frame, score)
        for share in shares
        for r in share
        for frame, score in enumerate(r['psnr_y'])
    ]
    # if the videos cannot be divided evenly, MMEngine's sampler gives some to two ranks
    return pd.DataFrame(rows, columns=['kind', 'video', 'frame', 'psnr_y']).drop_duplicates(
        ['kind', 'video', 'frame']
    )


@METRICS.register_module()
class StabilityMetric(BaseMetric):
    """Mean Y-PSNR (dB) of the moving videos, of the static videos, and the mean of both.

    The best checkpoint is chosen by ``psnr``, the mean of ``psnr_moving`` and ``psnr_static``.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        means = {
            kind: sum(sum(r['psnr_y']) / len(r['psnr_y']) for r in of_kind) / len(of_kind)
            for kind in KINDS
            if (of_kind := [r for r in results if r['kind'] == kind])
        }
        return dict(
            psnr=sum(means.values()) / len(means),
            **{f'psnr_{kind}': mean for kind, mean in means.items()},
        )


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Writes a CSV file on the main process."""
    if is_main_process():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False, float_format='%.6g')
