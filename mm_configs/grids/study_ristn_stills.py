# Part `ristn_stills` of docs/study.md: RISTN's stability, trained by RI and by PI. About an hour on
# two CPU cores, after study_ristn_spatial.py in the same folder.
from pathlib import Path as _Path

_RUNS = _Path('work_dirs/study_ristn_spatial/runs')
_NAME = 'rib-RI-sample-s0-*/iter_500.pth'

networks = dict(
    ristn=dict(
        config='mm_configs/ristn/ristn_small.py',
        options=['model.generator.layers=3'],
        weights=str(next(_RUNS.glob(_NAME), _RUNS / _NAME)),
        label='RISTN, 3 layers',
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
)
sweeps = [
    dict(networks=['bicubic'], strategies=[None]),
    dict(networks=['ristn'], strategies=['RI', 'PI'], R=[8], seeds=[0, 1, 2, 3]),
]
jobs = 2
