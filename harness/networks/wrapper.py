"""Common base of networks that wrap another network."""

from typing import Any

from harness.networks.recurrent import RecurrentNet


class WrappingNet(RecurrentNet):
    """A network around ``self.net`` that also loads checkpoints of ``net`` alone."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        own = {prefix + name for name in self.state_dict()}
        inside = {
            name: f'{prefix}net.{name[len(prefix) :]}'
            for name in state_dict
            if name.startswith(prefix)
        }
        # compare both, because the wrapped network may have a part called net or be a wrapper
        if len(own.intersection(inside.values())) >= len(own & inside.keys()):
            weights = {new: state_dict.pop(name) for name, new in inside.items()}
            state_dict.update(weights)
        super()._load_from_state_dict(state_dict, prefix, *args)
