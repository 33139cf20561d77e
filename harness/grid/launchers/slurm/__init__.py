"""Runs as jobs of a Slurm cluster.

The files on disk are authoritative for results; the queue only tells whether a job is still
waiting or running. Everything that knows Slurm's programs and variables belongs here. It may
import what other launchers may; submitit is imported only where jobs are submitted.
"""
