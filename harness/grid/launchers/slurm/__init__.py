"""Runs as jobs of a Slurm cluster.

Of results the disk says the truth; the queue says only whether a job may still bring one.
"""
