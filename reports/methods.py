"""Methods, the things that reports compare, and all their printed names."""

from dataclasses import dataclass

from harness.runs.resets import Reset

#: the columns that identify a method in tables of results; see ``Method.key``
KEY = ['train_set', 'network', 'method']
#: all columns of a method; see ``Method.columns``
COLUMNS = [*KEY, 'variant', 'strategy', 'fc', 'repeats', 'reset_every', 'checkpoint']


@dataclass(frozen=True)
class Method:
    """A network, how it was trained and how it is evaluated: what its seeds share.

    Labels are made from it and never parsed.

    Attributes:
        train_set: key of the training set; '' if it is not trained here.
        network: key of the network, or ``external/<key>`` of external results.
        network_label: displayed name, with the protocol of its scores if that differs.
        strategy: None if it is not trained here.
        fc: whether it has frame-number conditioning.
        repeats: R; None for strategies without it.
        reset: how the state is reset; None for never.
        checkpoint: ``last``, or ``best`` for the best one in validation.
        strategy_name: displayed name of the strategy; '' for its key.
        options: further training options that the grid varies, as displayed.
    """

    train_set: str
    network: str
    network_label: str
    strategy: str | None = None
    fc: bool = False
    repeats: int | None = None
    reset: Reset | None = None
    checkpoint: str = 'last'
    strategy_name: str = ''
    options: tuple[str, ...] = ()

    @property
    def is_trained(self) -> bool:
        """Whether it is trained here; otherwise it is a reference."""
        return self.strategy is not None

    @property
    def is_plain(self) -> bool:
        """Whether it is the main variant: the last checkpoint, without resets."""
        return self.reset is None and self.checkpoint == 'last'

    @property
    def reset_every(self) -> int | None:
        """After how many frames the state is reset; None for never and for guards."""
        return self.reset and self.reset.period

    @property
    def training(self) -> tuple:
        """What its variants share, within a network and training set."""
        return self.strategy, self.fc, self.repeats, self.options

    @property
    def strategy_label(self) -> str:
        """How it was trained: 'PI & FC (R=8, l=15)'; '' for a reference."""
        if not self.is_trained:
            return ''
        name = f'{self.strategy_name or self.strategy}{" & FC" if self.fc else ""}'
        told = [f'R={self.repeats}'] if self.repeats else []
        told += self.options
        return f'{name} ({", ".join(told)})' if told else name

    @property
    def variant_label(self) -> str:
        """How it is evaluated: 'reset every 15'; '' for the main variant."""
        reset = self.reset.label if self.reset else ''
        best = '' if self.checkpoint == 'last' else f'{self.checkpoint} checkpoint'
        return ', '.join(filter(None, [reset, best]))

    @property
    def short_name(self) -> str:
        """Name among the methods of one network: 'PI & FC (R=8), reset every 15'."""
        return _joined(self.strategy_label or self.network_label, self.variant_label)

    @property
    def name(self) -> str:
        """Name among the methods of one training set: 'FRVSR w/ PI & FC (R=8), reset every 15'."""
        trained = ' w/ '.join(filter(None, [self.network_label, self.strategy_label]))
        return _joined(trained, self.variant_label)

    @property
    def key(self) -> tuple[str, str, str]:
        """Its values in the columns ``KEY``."""
        return self.train_set, self.network, self.name

    def columns(self) -> dict:
        """Its values in ``COLUMNS``; what files call "variant" is the short name."""
        values = vars(self) | {'method': self.name, 'variant': self.short_name}
        values['reset_every'] = self.reset_every
        return {name: values[name] for name in COLUMNS}


def _joined(name: str, variant: str) -> str:
    return ', '.join(filter(None, [name, variant]))
