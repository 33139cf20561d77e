"""Networks for single images, which take every frame of a video by itself; RI only."""
