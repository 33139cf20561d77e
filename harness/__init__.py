"""Training, evaluation and grid running for recurrent video super-resolution."""

import os

# Files of weights come from elsewhere. This is PyTorch's own switch: no torch.load of this process
# or those that it starts, in whatever library, executes what a file holds.
os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)  # its contrary; PyTorch refuses both
