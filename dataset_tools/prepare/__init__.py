"""Sets from public data as they are downloaded: tables of the papers, what was found, what is made.

Nothing is downloaded, and nothing is written before all has been looked at.
"""
