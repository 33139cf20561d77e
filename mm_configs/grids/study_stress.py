# Part `stress` of docs/study.md: published weights on stills that are compressed, or longer.
# Nothing is trained. About half an hour on two CPU cores. Before it:
#   python -m harness.networks published
#   python -m dataset_tools sample --plan study
#   python -m dataset_tools compress data/study/static --output data/study/static_h264
_basicvsr, _bi = 'mm_configs/basicvsr/basicvsr_paper.py', ['lr_kind=lr_bi']


def _row(weights, label, config=_basicvsr):
    return dict(config=config, weights=f'weights/{weights}.pth', options=_bi, label=label)


networks = dict(
    reds4=_row('basicvsr_reds4', 'BasicVSR REDS (BI)'),
    vimeo_bi=_row('basicvsr_vimeo90k_bi', 'BasicVSR Vimeo-90K (BI)'),
    animesr=_row('animesr_v2', 'AnimeSR v2 (BI)', 'mm_configs/animesr/animesr_paper.py'),
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic (BI)'),
)
test_sets = dict(
    static=dict(root='data/study/static', label='Static'),
    static_h264=dict(root='data/study/static_h264', label='Static, H.264'),
    static_1000=dict(root='data/study/static_1000', label='Static, 1,000 frames'),
)
sweeps = [
    dict(networks=['vimeo_bi', 'animesr', 'bicubic'], strategies=[None]),
    dict(networks=['reds4'], strategies=[None], reset_every=[None, 15]),
]
jobs = 2
