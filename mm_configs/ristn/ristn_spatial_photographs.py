# The first stage in a minute on a CPU: a small network on scikit-image's photographs. Make them
# with
#   python -m dataset_tools prepare images .venv/lib/python3.11/site-packages/skimage/data \
#       --least 120 --kind bi --output data/photographs
_base_ = './ristn_spatial_pretrain.py'
model = dict(generator=dict(bottlenecks=((3, 4), (3, 2))))
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root='data/photographs', cache=True),
)
train_cfg = dict(max_iters=500, crop_size=16)
test_sets = ['data/photographs']
optim_wrapper = dict(optimizer=dict(lr=1e-3))
default_hooks = dict(logger=dict(interval=20), checkpoint=dict(interval=100))
