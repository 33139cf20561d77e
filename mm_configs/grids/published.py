# Published weights on videos longer and stiller than those they were trained on. Nothing is
# trained. AnimeSR was trained on degraded animation, unlike these frames. First run:
#   python -m harness.networks published            (weights/, from the extra `weights`)
#   python -m dataset_tools sample --plan published (data/published/)
# Each network gets the kind of LR frames that it was trained on, bicubic interpolation gets both.
_basicvsr = 'mm_configs/basicvsr/basicvsr_paper.py'
_bi, _bd = ['lr_kind=lr_bi'], ['lr_kind=lr_bd_basicvsr']
networks = dict(
    basicvsr_reds4=dict(
        config=_basicvsr,
        weights='weights/basicvsr_reds4.pth',
        options=_bi,
        label='BasicVSR REDS (BI)',
    ),
    basicvsr_vimeo90k_bi=dict(
        config=_basicvsr,
        weights='weights/basicvsr_vimeo90k_bi.pth',
        options=_bi,
        label='BasicVSR Vimeo-90K (BI)',
    ),
    basicvsr_vimeo90k_bd=dict(
        config=_basicvsr,
        weights='weights/basicvsr_vimeo90k_bd.pth',
        options=_bd,
        label='BasicVSR Vimeo-90K (BD)',
    ),
    animesr_v2=dict(
        config='mm_configs/animesr/animesr_paper.py',
        weights='weights/animesr_v2.pth',
        label='AnimeSR v2 (BI)',
    ),
    bicubic_bi=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic (BI)'),
    bicubic_bd=dict(config='mm_configs/bicubic/bicubic_bi.py', options=_bd, label='Bicubic (BD)'),
)
test_sets = dict(
    moving=dict(root='data/published/moving', label='Moving'),
    static=dict(root='data/published/static', label='Static'),
    sliding_window=dict(root='data/published/sliding_window', label='Sliding window'),
    gamma=dict(root='data/published/gamma', label='Gamma'),
    composit=dict(root='data/published/composit', label='Composit'),
)
sweeps = [
    dict(networks=['basicvsr_reds4'], strategies=[None], reset_every=[None, 15]),
    dict(
        networks=['basicvsr_vimeo90k_bi', 'basicvsr_vimeo90k_bd', 'animesr_v2'],
        strategies=[None],
    ),
    dict(networks=['bicubic_bi', 'bicubic_bd'], strategies=[None]),
]
jobs = 2
