# Part `cure_small` of docs/study.md: the networks that RI made in part `scratch`, trained on. About
# an hour on two CPU cores, after study_scratch.py in the same folder.
from pathlib import Path as _Path

_RUNS = _Path('work_dirs/study_scratch/runs')


def _weights(seed):
    name = f'frvsr_rr-RI-sample-s{seed}-*/iter_500.pth'
    return str(next(_RUNS.glob(name), _RUNS / name))


_NETS = [f'ri{_seed}' for _seed in range(8)]
networks = dict(
    **{
        f'ri{_seed}': dict(
            config='mm_configs/frvsr/frvsr_rr_cure.py',
            weights=_weights(_seed),
            label=f'FRVSR-RR by RI, seed {_seed}',
        )
        for _seed in range(8)
    },
    bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
)
sweeps = [
    dict(networks=[*_NETS, 'bicubic'], strategies=[None]),
    dict(networks=_NETS, strategies=['PI', 'RI'], R=[8]),
    dict(networks=_NETS, strategies=['PI'], R=[8], states_from=['other', 'noise']),
    dict(networks=_NETS, strategies=['PI'], R=[8], max_iters=[25, 50, 250]),
    dict(networks=_NETS, strategies=['TBPTT']),
    dict(networks=_NETS, strategies=['RI'], max_iters=[250]),
    dict(networks=_NETS, strategies=['RI'], amplification_weight=[0.1]),
]
jobs = 2
