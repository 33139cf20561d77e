# The runs of RISTN's Tables 1 to 3 that are its own ablations. Networks that begin with spatial
# weights need work_dirs/ristn_spatial_pretrain/iter_125000.pth; sets are made with --kind bi.
spatial = 'mm_configs/ristn/ristn_spatial_pretrain.py'
video = 'mm_configs/ristn/ristn_paper.py'
networks = dict(
    # Table 1. RB has the paper's 6.08 M parameters with 8 and 4 blocks in its last stage; with 10
    # and 6, as the text has it for RISTN, 7.28 M.
    rib=dict(config=spatial, label='RIB'),
    ib=dict(config=spatial, options=['model.generator.block=IB'], label='IB'),
    rb=dict(
        config=spatial,
        options=[
            'model.generator.block=RB',
            'model.generator.bottlenecks=((6,8,10,8),(6,6,12,4))',
        ],
        label='RB',
    ),
    # Table 2
    ristn_nf=dict(config=video, options=['model.generator.fusion=none'], label='RISTN-NF'),
    ristn_df=dict(config=video, options=['model.generator.fusion=dense'], label='RISTN-DF'),
    ristn=dict(config=video, label='RISTN'),
    # Table 3
    **{
        f'{kind.lower()}_lstm_{layers}': dict(
            config=video,
            options=[
                f'model.generator.temporal={kind}',
                f'model.generator.layers={layers}',
                'train_cfg.crop_size=40',
            ],
            label=f'{kind}-LSTM, {layers} layers',
        )
        for kind in ('C', 'RC', 'DC', 'RDC')
        for layers in (3, 5, 8, 10)
    },
)
train_sets = dict(
    imagenet=dict(root='data/imagenet', label='ImageNet-50k'),
    ristn=dict(root='data/ristn_train', label='RISTN train'),
)
test_sets = dict(
    set5=dict(root='data/set5', label='Set5'),
    vid4=dict(root='data/vid4', label='Vid4'),
)
sweeps = [
    dict(networks=['rib', 'ib', 'rb'], strategies=['RI'], train_sets=['imagenet']),
    dict(
        networks=[key for key in networks if key not in ('rib', 'ib', 'rb')],
        strategies=['RI'],
        train_sets=['ristn'],
    ),
]
jobs = 1
