# Part `bidirectional` of docs/study.md: strategies on the small BasicVSR, whose backward
# branch fails as well. About two hours on two CPU cores. Before it:
#   apt-get install opencv-doc
#   python -m dataset_tools sample --plan study
networks = dict(
    basicvsr_small=dict(
        config='mm_configs/basicvsr/basicvsr_small_quickstart.py', label='BasicVSR-S'
    ),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bd.py', label='Bicubic'),
)
train_sets = dict(sample=dict(root='data/study/train', label='Sample'))
test_sets = dict(
    moving=dict(root='data/study/moving', label='Moving'),
    static=dict(root='data/study/static', label='Static'),
    camera=dict(root='data/study/camera', label='Fixed camera'),
)
sweeps = [
    dict(networks=['bicubic'], strategies=[None]),
    dict(
        networks=['basicvsr_small'],
        strategies=['RI', 'PI', 'TBPTT', 'burn-in'],
        R=[32],
        seeds=[0, 1, 2, 3],
    ),
]
jobs = 2
