# Part `cure_small` of docs/study.md: the networks that RI made in part `scratch`, trained on. About
# an hour on two CPU cores, after study_scratch.py in the same folder.
from pathlib import Path

_RUNS = Path('work_dirs/study_scratch/runs')
_FILES = {
    f'ri{_seed}': _file
    for _seed in range(8)
    for _file in _RUNS.glob(f'frvsr_rr-RI-sample-s{_seed}-*/last.pth')
}
networks = dict(
    **{
        _net: dict(
            config='mm_configs/frvsr/frvsr_rr_cure.py',
            weights=str(_file),
            label=f'FRVSR-RR by RI, seed {_net[2:]}',
        )
        for _net, _file in _FILES.items()
    },
    bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
)
_NETS = list(_FILES)
sweeps = [
    dict(networks=[*_NETS, 'bicubic'], strategies=[None]),
    dict(networks=_NETS, strategies=['PI', 'RI'], R=[8], max_iters=[100]),
    dict(networks=_NETS, strategies=['PI'], R=[8], states_from=['other', 'noise'], max_iters=[100]),
    dict(networks=_NETS, strategies=['PI'], R=[8], max_iters=[25, 50, 250]),
    dict(networks=_NETS, strategies=['TBPTT'], max_iters=[100]),
    dict(networks=_NETS, strategies=['RI'], max_iters=[250]),
]
jobs = 2
