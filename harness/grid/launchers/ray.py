"""Runs as Ray jobs, for machines and clouds without Slurm.

Options in ``ray = dict(...)`` of a grid file or ``--launcher-options KEY=VALUE``:

- ``address``: the address of Ray's dashboard (default: ``RAY_ADDRESS`` or
  ``http://127.0.0.1:8265``);
- ``cpus``, ``gpus``: CPUs and GPUs per run (default: one CPU for each of its processes, no GPU).

Nodes must see the repository, the data and the work directory under the same paths. At most
``--jobs`` runs are submitted at a time, because Ray gives up jobs that wait for 15 minutes.
"""

import os
import secrets
import shlex
import time
from typing import Any

from harness.errors import fail
from harness.grid.launchers import Setting, worker_command, worker_environment
from harness.grid.launchers.queue import QueueLauncher
from harness.runs.folder import RunFolder

_KEYS = ('address', 'cpus', 'gpus')
#: seconds without an answer after which jobs count as gone
_PATIENCE = 300.0


class RayLauncher(QueueLauncher):
    """Submits runs through Ray's ``JobSubmissionClient``.

    Args:
        setting: What it needs to know of the grid, with the options above.

    Raises:
        UserError: Options are wrong, or Ray is not installed or does not answer.
    """

    name = 'ray'
    look_every = 2.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        options = dict(setting.options)
        if unknown := options.keys() - {*_KEYS}:
            fail(f'ray.{", ".join(sorted(unknown))}: unknown; there are {", ".join(_KEYS)}')
        self._cpus = _number(options, 'cpus', setting.nproc)
        self._gpus = _number(options, 'gpus', 0)
        address = options.get('address') or os.environ.get('RAY_ADDRESS', 'http://127.0.0.1:8265')
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError:
            fail("--launcher ray needs Ray: pip install 'ray[default]' (extra: ray)")
        try:
            self._client = JobSubmissionClient(str(address))
        except Exception as error:  # ConnectionError, or the address is malformed
            text = ' '.join(str(error).split())
            fail(f'ray.address: Ray does not answer at {address} ({text}); try: ray start --head')
        self._answered = time.monotonic()

    def submit(self, folder: RunFolder) -> str:
        threads = max(1, int(self._cpus // self.setting.nproc))
        variables = {'OMP_NUM_THREADS': str(threads), **worker_environment()}
        log = shlex.quote(str(folder.log.resolve()))
        try:
            return self._client.submit_job(
                # exec, because Ray stops only the process that it started itself
                entrypoint=f'exec {shlex.join(worker_command(folder))} >>{log} 2>&1',
                submission_id=f'{folder.name[-80:].strip("-_.")}-{secrets.token_hex(3)}',
                runtime_env=dict(env_vars=variables),
                entrypoint_num_cpus=self._cpus,
                entrypoint_num_gpus=self._gpus,
            )
        except Exception as error:
            fail(f'{folder.name}: Ray rejects the job: {" ".join(str(error).split())[:300]}')

    def is_at_work(self, job: str) -> bool:
        state = self._state(job)
        return state in ('PENDING', 'RUNNING', '')

    def reason(self, job: str) -> str:
        state = self._state(job)
        return '' if state == 'SUCCEEDED' else f'job {job} ended as {state}'

    def cancel(self, job: str) -> None:
        self._client.stop_job(job)

    def _state(self, job: str) -> str:
        """The state of a job by Ray; '' (unknown) while Ray does not answer."""
        try:
            state = self._client.get_job_status(job).value
        except Exception as error:
            if 'does not exist' in str(error):
                return 'GONE'
            return '' if time.monotonic() - self._answered < _PATIENCE else 'GONE'
        self._answered = time.monotonic()
        return state


def _number(options: dict[str, Any], key: str, default: float) -> float:
    try:
        number = float(options.get(key, default))
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float('inf'):
        fail(f'ray.{key}: {options[key]!r} is not a number of {key}')
    return number
