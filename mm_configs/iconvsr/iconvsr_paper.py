# IconVSR, 8,711,375 parameters. MMagic's recipe for it on Vimeo-90K with BD is BasicVSR's, with the
# pre-trained EDVR extractor (windows of 7 frames, padding=3; its REDS weights have 5, padding=2)
# fixed for 5k iterations like the flow network. Name the weights with --cfg-options
# model.generator.spynet_pretrained=PATH model.generator.edvr_pretrained=PATH
_base_ = '../basicvsr/basicvsr_official.py'
model = dict(
    generator=dict(
        _delete_=True,
        type='StatefulIconVSRNet',
        padding=3,
        spynet_pretrained=None,
        edvr_pretrained=None,
    ),
)
custom_hooks = [
    dict(type='FreezeFlowHook', iters=5_000),
    dict(type='FreezeFlowHook', iters=5_000, name='edvr'),
]
