"""What networks around another network share."""

from typing import Any

from harness.networks.recurrent import RecurrentNet


class WrappingNet(RecurrentNet):
    """A network around ``self.net`` that loads the weights of ``net`` alone as well as its own."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        own = {prefix + name for name in self.state_dict()}
        inside = {
            name: f'{prefix}net.{name[len(prefix) :]}'
            for name in state_dict
            if name.startswith(prefix)
        }
        # compared, because the network inside may have a part called net, or be a wrapper itself
        if len(own.intersection(inside.values())) >= len(own & inside.keys()):
            weights = {new: state_dict.pop(name) for name, new in inside.items()}
            state_dict.update(weights)
        super()._load_from_state_dict(state_dict, prefix, *args)
