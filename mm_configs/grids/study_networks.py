# Part `networks` of docs/study.md: another network, a soft bound, and equal training time. About
# half an hour on two CPU cores. Before it:
#   apt-get install opencv-doc
#   python -m dataset_tools sample --plan study
_FRVSR = 'mm_configs/frvsr/frvsr_rr_quickstart.py'
networks = dict(
    rlsp_small=dict(config='mm_configs/rlsp/rlsp_small.py', label='RLSP-S'),
    frvsr_rr=dict(config=_FRVSR, label='FRVSR-RR'),
    frvsr_rr_soft=dict(
        config=_FRVSR,
        label='FRVSR-RR, SRN-C',
        options=['model.generator.lipschitz=soft'],
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
    camera=dict(root='data/study/camera', label='Fixed camera'),
)
_SEEDS = [0, 1, 2, 3]
sweeps = [
    dict(networks=['bicubic'], strategies=[None]),
    dict(networks=['rlsp_small'], strategies=['RI', 'PI', 'TBPTT'], R=[8], seeds=_SEEDS),
    dict(networks=['frvsr_rr_soft'], strategies=['RI'], seeds=_SEEDS),
    dict(networks=['frvsr_rr'], strategies=['PI'], R=[8], seeds=_SEEDS),
    # As long as 500 iterations of PI with R = 8
    dict(networks=['frvsr_rr'], strategies=['RI'], max_iters=[980], seeds=_SEEDS),
    dict(
        networks=['frvsr_rr'], strategies=['burn-in'], burn_in=[10], max_iters=[620], seeds=_SEEDS
    ),
]
jobs = 2
