"""Runs as jobs of PBS, LSF, Kubernetes or any other queue, through three shell commands."""

import shlex
import subprocess

from harness.errors import fail
from harness.grid.launchers import register_launcher, worker_command, worker_environment
from harness.grid.launchers.queue import QueueLauncher


@register_launcher('commands')
class CommandLauncher(QueueLauncher):
    look_every = 1.0

    def call(self, key, **values):
        template = self.setting.options.get(key) or fail(f'commands.{key}: missing')
        command = template.format(**{name: shlex.quote(text) for name, text in values.items()})
        return subprocess.run(command, shell=True, capture_output=True, text=True)

    def submit(self, folder):
        variables = [f'{name}={text}' for name, text in worker_environment().items()]
        worker = shlex.join(['env', *variables, *worker_command(folder)])
        done = self.call('submit', command=f'{worker} >>{shlex.quote(str(folder.log))} 2>&1')
        if done.returncode or not done.stdout.strip():
            fail(f'commands.submit: {done.stderr.strip() or "printed no job"}')
        return done.stdout.strip()

    def is_at_work(self, job):
        return self.call('status', job=job).returncode == 0

    def cancel(self, job):
        self.call('cancel', job=job)
