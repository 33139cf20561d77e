"""Videos of results: methods side by side or with a wipe, with their PSNR curves."""
