# The runs of RISTN's Tables 1 to 3: its own ablations and all of its baselines. Networks that
# start from spatial weights need work_dirs/ristn_spatial_pretrain/iter_125000.pth; make the sets
# with --kind bi. `paper` is a name in the paper's tables: the report shows the paper's numbers
# next to ours.
_spatial = 'mm_configs/ristn/ristn_spatial_pretrain.py'
_video = 'mm_configs/ristn/ristn_paper.py'
networks = dict(
    # Table 1. RB has the paper's 6.08 M parameters with 8 and 4 blocks in its last stage; with 10
    # and 6, which the text gives for RISTN, it would have 7.28 M.
    rib=dict(config=_spatial, label='RIB', paper='RIB'),
    ib=dict(config=_spatial, options=['model.generator.block=IB'], label='IB', paper='IB'),
    rb=dict(
        config=_spatial,
        options=[
            'model.generator.block=RB',
            'model.generator.bottlenecks=((6,8,10,8),(6,6,12,4))',
        ],
        label='RB',
        paper='RB',
    ),
    # Table 2
    ristn_nf=dict(
        config=_video, options=['model.generator.fusion=none'], label='RISTN-NF', paper='RISTN-NF'
    ),
    ristn_df=dict(
        config=_video, options=['model.generator.fusion=dense'], label='RISTN-DF', paper='RISTN-DF'
    ),
    ristn=dict(config=_video, label='RISTN', paper='RISTN'),
    # Table 3
    **{
        f'{kind.lower()}_lstm_{layers}': dict(
            config=_video,
            options=[
                f'model.generator.temporal={kind}',
                f'model.generator.layers={layers}',
                'train_cfg.crop_size=40',
            ],
            label=f'{kind}-LSTM, {layers} layers',
            paper=f'{kind}-LSTM, layers={layers}',
        )
        for kind in ('C', 'RC', 'DC', 'RDC')
        for layers in (3, 5, 8, 10)
    },
    # Tables 1 and 2: baselines. Single-image networks use the patches of Table 1. BRCN's clips have
    # 10 frames, but the training videos only 5.
    bicubic=dict(config='mm_configs/bicubic/bicubic_bi.py', label='Bicubic', paper='Bic'),
    rdn=dict(
        config='mm_configs/rdn/rdn_paper.py',
        options=['train_cfg.crop_size=30'],
        label='RDN',
        paper='RDN',
    ),
    **{
        key: dict(
            config=f'mm_configs/{key}/{key}_paper.py',
            options=['train_cfg.crop_size=30'],
            label=label,
            paper=label,
        )
        for key, label in dict(drcn='DRCN', dsrn='DSRN', lapsrn='LapSRN').items()
    },
    vsrnet=dict(config='mm_configs/vsrnet/vsrnet_paper.py', label='VSRNet', paper='VSRNet'),
    stcn=dict(config='mm_configs/stcn/stcn_windows.py', label='STCN', paper='STCN'),
    spmc=dict(config='mm_configs/spmc/spmc_paper.py', label='SPMC', paper='SPMC'),
    liu2018=dict(
        config='mm_configs/liu2018/liu2018_paper.py', label='Liu et al.', paper='Liu et al.'
    ),
    vespcn=dict(config='mm_configs/vespcn/vespcn_paper.py', label='VESPCN', paper='VESPCN'),
    brcn=dict(
        config='mm_configs/brcn/brcn_paper.py',
        options=['train_cfg.clip_length=5'],
        label='BRCN',
        paper='BRCN',
    ),
)
train_sets = dict(
    imagenet=dict(root='data/imagenet', label='ImageNet-50k', paper='ImageNet-50k'),
    ristn=dict(root='data/ristn_train', label='RISTN train', paper='RISTN videos'),
)
test_sets = dict(
    set5=dict(root='data/set5', label='Set5', paper='Set5', protocol='set5'),
    vid4=dict(root='data/vid4', label='Vid4', paper='Vid4'),
)
_spatial_networks = ['rib', 'ib', 'rb', 'rdn', 'drcn', 'dsrn', 'lapsrn']
sweeps = [
    dict(networks=_spatial_networks, strategies=['RI'], train_sets=['imagenet']),
    dict(
        networks=[key for key in networks if key not in (*_spatial_networks, 'bicubic')],
        strategies=['RI'],
        train_sets=['ristn'],
    ),
    dict(networks=['bicubic'], strategies=[None]),
]
jobs = 1
