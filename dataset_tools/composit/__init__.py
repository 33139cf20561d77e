"""Composit videos: a short video played forwards, backwards, forwards, .."""
