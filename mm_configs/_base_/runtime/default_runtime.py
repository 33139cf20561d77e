default_scope = 'mmagic'
custom_imports = dict(
    imports=['harness.networks.zoo', 'harness.data', 'harness.training.registered']
)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='ClipCheckpointHook', interval=5000, max_keep_ckpts=2),
    # on training windows if there is no val_dataloader; takes at most 2 % of the training time
    state_diagnostics=dict(type='StateDiagnosticsHook'),
    sampler_seed=None,  # clips are planned by the training loop
)
log_processor = dict(type='LogProcessor', by_epoch=False, window_size=100)
visualizer = dict(
    type='mmengine.Visualizer',
    vis_backends=[
        dict(type='mmengine.LocalVisBackend'),
        dict(type='mmengine.TensorboardVisBackend'),
    ],
)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
