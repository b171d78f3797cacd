"""Load the YAML of CloudFormation's templates. Imports PyYAML, which an extra installs."""

from __future__ import annotations

from typing import Any

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _TemplateLoader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types
    """A loader without dates, which would turn a policy's version into one, and without aliases."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own declaration)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node. Raises YAMLError for an alias."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem="an alias, which CloudFormation does not accept", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


def _construct_function(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    """Return the full form of a function's short form: `!Sub x` is `{"Fn::Sub": "x"}`."""
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _construct_function)


def load_yaml(text: str) -> Any:
    """Return the value of a YAML text. Raises YAMLError and RecursionError."""
    return _convert_keys(yaml.load(text, Loader=_TemplateLoader))  # noqa: S506 (a subclass of SafeLoader)


def _convert_keys(value: Any) -> Any:
    """Return a value whose keys are texts, as in JSON."""
    if isinstance(value, dict):
        return {str(key): _convert_keys(item) for key, item in value.items()}
    return [_convert_keys(item) for item in value] if isinstance(value, list) else value
