"""Makes sets from public data as downloaded: the papers' tables, the files found, the sets to make.

Nothing is downloaded, and nothing is written before all files have been checked.
"""
