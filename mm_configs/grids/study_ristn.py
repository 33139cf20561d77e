# Part `ristn` of docs/study.md: the recurrence and the fusion of RISTN (Tables 2 and 3), from the
# spatial weights of part `ristn_spatial`. About two hours on two CPU cores, after
# study_ristn_spatial.py in the same folder.
from pathlib import Path as _Path

_RUNS = _Path('work_dirs/study_ristn_spatial/runs')
_NAME = 'rib-RI-sample-s0-*/iter_500.pth'
_WEIGHTS = str(next(_RUNS.glob(_NAME), _RUNS / _NAME))


def _network(label, **options):
    return dict(
        config='mm_configs/ristn/ristn_small.py',
        options=[f'model.generator.{_key}={_value}' for _key, _value in options.items()],
        weights=_WEIGHTS,
        label=label,
    )


networks = dict(
    **{
        f'{_kind.lower()}_{_layers}': _network(
            f'{_kind}-LSTM, {_layers} layers', temporal=_kind, layers=_layers
        )
        for _layers in (3, 5, 8, 10)
        for _kind in ('C', 'RC', 'DC', 'RDC')
    },
    dense=_network('RISTN-DF', fusion='dense'),
    none=_network('RISTN-NF', fusion='none'),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(moving=dict(root='data/study/moving', label='Moving'))
_ENDS = [f'{_kind}_{_layers}' for _layers in (3, 10) for _kind in ('c', 'rc', 'dc', 'rdc')]
_MIDDLE = [f'{_kind}_{_layers}' for _layers in (5, 8) for _kind in ('c', 'rc', 'dc', 'rdc')]
sweeps = [
    dict(networks=['bicubic'], strategies=[None]),
    dict(networks=[*_ENDS, 'dense', 'none'], strategies=['RI'], seeds=[0, 1, 2, 3]),
    dict(networks=_MIDDLE, strategies=['RI'], seeds=[0, 1]),
]
jobs = 2
