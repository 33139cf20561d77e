"""Training, evaluation and grids for recurrent video super-resolution.

The commands (``run_grid``, ``train``, ``test``, ``infer``, ``cure``) and what several rooms share
belong here; everything else has a room of its own. The commands may import everything, ``run_grid``
also ``reports``. All other modules may import ``dataset_tools``, and each other without cycles.
"""

import os

# Weight files come from untrusted sources. With this switch of PyTorch, no torch.load in this
# process or those that it starts, in any library, executes code from a file.
os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)  # its opposite; PyTorch refuses both
