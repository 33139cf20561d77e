"""The light way into a worker process: naming it must not import torch into run_grid."""


def main(*args) -> None:
    """Calls :func:`harness.grid.worker.run_in_process` with its arguments."""
    from .worker import run_in_process

    run_in_process(*args)
