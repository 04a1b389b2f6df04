"""Reads the project's templates, and works out as much of them as CloudFormation would for given parameters."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, override

import yaml

from sandbox.aws.policies import Policy
from sandbox.aws.policy_grammar import parse_policy

ROOT: Final = Path(__file__).parent.parent.parent
PSEUDO_PARAMETERS: Final[Mapping[str, object]] = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/exchange/5f0e1d2c-0000-4000-8000-000000000000",
    "AWS::StackName": "exchange",
    "AWS::URLSuffix": "amazonaws.com",
}
_ABSENT: Final = object()


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms."""

    @override
    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        tag = node.tag.removeprefix("!")
        if tag == node.tag or not tag.isalnum():
            return super().construct_object(node, deep=deep)
        long_form = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
        value = self._value(node)
        return {long_form: value.split(".", 1) if tag == "GetAtt" and isinstance(value, str) else value}

    def _value(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.ScalarNode):
            return self.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return self.construct_sequence(node, deep=True)
        if isinstance(node, yaml.MappingNode):
            return self.construct_mapping(node, deep=True)
        raise TypeError(f"no value of a template: {node}")


def load(path: str) -> object:
    """Return a template with every intrinsic function in its long form, to be read only: all who ask share it."""
    return _parsed((ROOT / path).read_text())


@cache
def _parsed(template: str) -> object:
    return yaml.load(template, Loader=_Loader)  # noqa: S506 - a CSafeLoader with plain data added


def at(value: object, *path: str | int) -> object:
    """Return what stands at `path` in nested mappings and lists."""
    for step in path:
        match value, step:
            case dict(), str():
                value = value[step]
            case list(), int():
                value = value[step]
            case _:
                raise TypeError(f"nothing at {step!r} of {path}: {value!r}")
    return value


def mapping(value: object, *path: str | int) -> dict[str, object]:
    """Return the mapping at `path`."""
    found = at(value, *path)
    assert isinstance(found, dict), path
    return {str(name): member for name, member in found.items()}


def sequence(value: object, *path: str | int) -> list[object]:
    """Return what stands at `path` as a list, a single value as a list of it."""
    found = at(value, *path)
    return found if isinstance(found, list) else [found]


def text(value: object, *path: str | int) -> str:
    """Return the text at `path`."""
    found = at(value, *path)
    assert isinstance(found, str), path
    return found


class Stack:
    """A template with values for its parameters.

    An attribute of a resource is `Name.Attribute` unless given, and its id its name.
    """

    def __init__(
        self,
        path: str,
        parameters: Mapping[str, object],
        *,
        attributes: Mapping[str, str] | None = None,
        ids: Mapping[str, str] | None = None,
    ) -> None:
        self.template = load(path)
        self._attributes = attributes or {}
        self._values = {name: parameters.get(name, value) for name, value in PSEUDO_PARAMETERS.items()}
        self._values.update(ids or {})
        for name, declared in mapping(self.template, "Parameters").items():
            default = mapping(declared).get("Default", _ABSENT)
            value = parameters.get(name, default)
            assert value is not _ABSENT, f"{name} has no default"
            is_list = at(declared, "Type") == "CommaDelimitedList" and isinstance(value, str)
            self._values[name] = str(value).split(",") if is_list else value

    def makes(self, name: str) -> bool:
        """Return whether the resource is made at all."""
        return self.makes_output(at(self.template, "Resources", name))

    def makes_output(self, declared: object) -> bool:
        """Return whether a resource or output, as it is declared, has no condition or one that holds."""
        condition = mapping(declared).get("Condition")
        return condition is None or self._holds(str(condition))

    def refusals(self) -> list[str]:
        """Return what the rules say about the parameters; CloudFormation then creates nothing."""
        rules = [mapping(rule) for rule in mapping(self.template, "Rules").values()]
        return [
            text(assertion, "AssertDescription")
            for rule in rules
            if "RuleCondition" not in rule or self._test(rule["RuleCondition"])
            for assertion in sequence(rule, "Assertions")
            if not self._test(at(assertion, "Assert"))
        ]

    def resource(self, name: str) -> dict[str, object]:
        """Return the properties of a resource, worked out."""
        return mapping(self.resolve(at(self.template, "Resources", name, "Properties")))

    def resolve(self, value: object) -> object:
        """Return `value` with every intrinsic function carried out, and what is `AWS::NoValue` left out."""
        if isinstance(value, list):
            return [member for each in value if (member := self.resolve(each)) is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in self._functions:
                return self._functions[name](argument)
        resolved = {name: self.resolve(each) for name, each in value.items()}
        return {name: each for name, each in resolved.items() if each is not _ABSENT}

    @property
    def _functions(self) -> Mapping[str, Callable[[object], object]]:
        return {
            "Ref": self._ref,
            "Fn::GetAtt": lambda argument: self._attribute(".".join(str(each) for each in sequence(argument))),
            "Fn::Sub": self._sub,
            "Fn::Join": lambda argument: text(argument, 0).join(self._texts(at(argument, 1))),
            "Fn::Split": lambda argument: str(self.resolve(at(argument, 1))).split(text(argument, 0)),
            "Fn::Select": lambda argument: at(self.resolve(at(argument, 1)), int(str(at(argument, 0)))),
            "Fn::FindInMap": lambda argument: at(self.template, "Mappings", *self._texts(argument)),
            "Fn::If": lambda argument: self.resolve(at(argument, 1 if self._holds(text(argument, 0)) else 2)),
        }

    def _ref(self, argument: object) -> object:
        name = text(argument)
        return _ABSENT if name == "AWS::NoValue" else self._values.get(name, name)

    def _attribute(self, name: str) -> str:
        return self._attributes.get(name, name)

    def _sub(self, argument: object) -> str:
        template, more = (argument, {}) if isinstance(argument, str) else (at(argument, 0), mapping(argument, 1))

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name in more:
                return str(self.resolve(more[name]))
            return self._attribute(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([A-Za-z0-9:.]+)\}", fill, text(template)).replace("${!", "${")

    def _texts(self, value: object) -> list[str]:
        return [str(each) for each in sequence(self.resolve(value))]

    def _holds(self, condition: str) -> bool:
        return self._test(at(self.template, "Conditions", condition))

    def _test(self, test: object) -> bool:
        name, argument = next(iter(mapping(test).items()))
        match name:
            case "Condition":
                return self._holds(text(argument))
            case "Fn::Equals":
                # CloudFormation compares text: a parameter's value is text, also of a number.
                return str(self.resolve(at(argument, 0))) == str(self.resolve(at(argument, 1)))
            case "Fn::Not":
                return not self._test(at(argument, 0))
            case "Fn::And":
                return all(self._test(each) for each in sequence(argument))
            case "Fn::EachMemberEquals":
                return all(each == at(argument, 1) for each in sequence(self.resolve(at(argument, 0))))
            case "Fn::Or":
                return any(self._test(each) for each in sequence(argument))
            case _:
                raise ValueError(f"unknown condition function {name}")


def role_policies(stack: Stack, role: str, *apart: str) -> list[Policy]:
    """Return the policies of a role, and those that the resources `apart` attach to it."""
    properties = stack.resource(role)
    inline = sequence(properties, "Policies") if "Policies" in properties else []
    documents = [at(each, "PolicyDocument") for each in [*inline, *(stack.resource(name) for name in apart)]]
    return [parse_policy(as_policy(document), kind="identity") for document in documents]


def as_policy(document: object) -> str:
    """Return a policy document as the JSON text that IAM gets."""
    return json.dumps(document)
