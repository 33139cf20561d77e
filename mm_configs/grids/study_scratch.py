# Part `scratch` of docs/study.md: strategies from nothing, on the residual FRVSR of the quickstart
# and videos that its recipe has not seen. About three hours on two CPU cores. Before it:
#   apt-get install opencv-doc
#   python -m dataset_tools sample --plan study
# Runs that all comparisons need come first.
networks = dict(
    frvsr_rr=dict(
        config='mm_configs/frvsr/frvsr_rr_quickstart.py',
        label='FRVSR-RR',
        # Ten times the usual measurements of signs.
        options=['default_hooks.state_diagnostics.share=0.1'],
    ),
    frvsr_rr_lipschitz=dict(
        config='mm_configs/frvsr/frvsr_rr_quickstart.py',
        label='FRVSR-RR, Lipschitz',
        options=[
            'default_hooks.state_diagnostics.share=0.1',
            'model.generator.lipschitz=hard',
        ],
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
    camera=dict(root='data/study/camera', label='Fixed camera'),
    sliding_window=dict(root='data/study/sliding_window', label='Sliding window'),
    gamma=dict(root='data/study/gamma', label='Gamma'),
    composit=dict(root='data/study/composit', label='Composit'),
)
_FOUR = [0, 1, 2, 3]
_MORE = [4, 5, 6, 7]
_NET = ['frvsr_rr']
sweeps = [
    dict(networks=['bicubic'], strategies=[None]),
    dict(networks=_NET, strategies=['RI'], seeds=_FOUR, reset_every=[None, 15]),
    dict(networks=_NET, strategies=['PI', 'TBPTT', 'burn-in', 'pool'], R=[8], seeds=_FOUR),
    dict(networks=_NET, strategies=['RI'], seeds=_MORE, reset_every=[None, 15]),
    dict(networks=_NET, strategies=['PI', 'TBPTT'], R=[8], seeds=_MORE),
    dict(networks=_NET, strategies=['burn-in'], burn_in=[2, 10, 80], seeds=_FOUR),
    dict(networks=_NET, strategies=['PI'], R=[2, 32], seeds=_FOUR),
    dict(networks=_NET, strategies=['PI'], R=[8], fc=[True], seeds=_FOUR),
    dict(networks=_NET, strategies=['PI'], R=[8], p_initial=[0.25], seeds=_FOUR),
    dict(networks=_NET, strategies=['RI'], amplification_weight=[0.01, 0.1], seeds=_FOUR),
    dict(networks=['frvsr_rr_lipschitz'], strategies=['RI'], seeds=_FOUR),
    dict(networks=_NET, strategies=['RI'], clip_length=[14], batch=['frames'], seeds=_FOUR),
    dict(networks=_NET, strategies=['RI'], max_iters=[125, 250], seeds=_FOUR),
]
jobs = 2
