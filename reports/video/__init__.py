"""Videos of results: methods side by side or with a wipe, with their PSNR curves.

May import ``results`` and ``figures``. Networks are run again in a separate process, because
``reports`` does not import torch.
"""
