# Part `cure_published` of docs/study.md: REDS weights (BI) of BasicVSR, trained on. About two
# hours on two CPU cores. Before it:
#   python -m harness.networks published
#   python -m dataset_tools sample --plan study
networks = dict(
    reds4=dict(
        config='mm_configs/basicvsr/basicvsr_cure.py',
        weights='weights/basicvsr_reds4.pth',
        label='BasicVSR REDS (BI)',
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic (BI)'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
)
_NET = ['reds4']
sweeps = [
    dict(networks=['bicubic', *_NET], strategies=[None]),
    dict(networks=_NET, strategies=['PI', 'RI'], R=[8], max_iters=[100]),
    dict(networks=_NET, strategies=['RI'], amplification_weight=[0.1], max_iters=[100]),
    dict(networks=_NET, strategies=['PI'], R=[8], states_from=['noise'], max_iters=[100]),
    dict(networks=_NET, strategies=['PI'], R=[8], max_iters=[25, 50, 250]),
    dict(networks=_NET, strategies=['burn-in'], burn_in=[10], max_iters=[100]),
    dict(networks=_NET, strategies=['TBPTT'], max_iters=[100]),
]
jobs = 2
