# BasicVSR as MMagic trains it: main learning rate 2e-4, pre-trained flow network 2.5e-5 and frozen
# for the first 5k iterations, cosine annealing from the start. Name the SPyNet weights with
# --cfg-options model.generator.spynet_pretrained=PATH
_base_ = './basicvsr_paper.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-4, betas=(0.9, 0.99)),
    paramwise_cfg=dict(custom_keys={'spynet': dict(lr_mult=0.125)}),
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=False,
        begin=0,
        end=300_000,
        T_max=300_000,
        eta_min=1e-7,
    )
]
custom_hooks = [dict(type='FreezeFlowHook', iters=5_000)]
find_unused_parameters = True
