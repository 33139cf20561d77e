"""Videos of results: methods side by side or under a wipe, with their PSNR running along."""
