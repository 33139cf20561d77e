"""Composit videos: a short video played forwards, backwards, forwards, ...

May import everything in ``dataset_tools`` except ``commands`` and ``sample``.
"""
