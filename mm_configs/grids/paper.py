# The runs of the PI-BPTT paper's Tables IV to VI, for sets prepared under data/ (see docs/data.md).
# The paper does not say which R its Table IV used; R = 1 fits its training times best.
# `paper` is a name in the paper's tables: the report shows the paper's numbers next to ours.
networks = dict(
    frvsr=dict(config='mm_configs/frvsr/frvsr_paper.py', label='FRVSR', paper='FRVSR'),
    basicvsr=dict(
        config='mm_configs/basicvsr/basicvsr_paper.py', label='BasicVSR', paper='BasicVSR'
    ),
)
train_sets = dict(
    vimeo=dict(root='data/vimeo/train', label='Vimeo', paper='Vimeo'),
    reds=dict(root='data/reds/train', label='REDStrain', paper='REDS'),
)
test_sets = dict(
    vid4=dict(root='data/vid4', label='Vid4', paper='Vid4'),
    reds4=dict(root='data/reds/reds4', label='REDS4', paper='REDS4'),
    quasi_static=dict(root='data/quasi_static', label='Quasi-Static', paper='Quasi-Static'),
    composit=dict(root='data/composit', label='Composit', paper='Composit'),
)
sweeps = [
    # Tables IV and V
    dict(networks=['frvsr', 'basicvsr'], strategies=['RI'], train_sets=['vimeo', 'reds']),
    dict(
        networks=['frvsr', 'basicvsr'],
        strategies=['PI'],
        R=[1],
        fc=[False, True],
        train_sets=['vimeo', 'reds'],
    ),
    # Table VI
    dict(
        networks=['frvsr'],
        strategies=['PI'],
        R=[2, 4, 8, 16, 32, 48, 64],
        train_sets=['vimeo'],
    ),
]
jobs = 1
