"""Reads the session of a grant: its role, access, repositories, duration and attribution.

A grant for a stored login has none of these.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from token_exchange.core.identity import Preset
from token_exchange.core.policy import (
    ACCESSES,
    ASSUMES,
    Access,
    Also,
    EcrPublicRegistry,
    Issuer,
    Registry,
    SecretRegistry,
    SessionTerms,
    Template,
)
from token_exchange.core.refusals import quoted
from token_exchange.core.trust import Pinned
from token_exchange.core.vocabulary import IDS, Name
from token_exchange.loading.conditions import SEVERAL_ISSUERS
from token_exchange.loading.fields import Fields, described, duration_between
from token_exchange.loading.registries import parse_repository_template, parse_template

_ROLE: Final = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):role/(?:[\x21-\x7e]{1,510}/)?[\w+=,.@-]{1,64}", re.ASCII)
"""IAM API Reference, CreateRole: a path of up to 512 characters and a name of up to 64."""

_EXTERNAL_ID: Final = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
"""STS API Reference, AssumeRole: ExternalId."""

SIGNING_PROFILE: Final = re.compile(r"arn:aws[a-z-]*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[A-Za-z0-9_]{2,64}")

_TAG_KEY: Final = re.compile(r"[A-Za-z0-9 _.:/=+@-]{1,128}")
"""STS API Reference, Tag; AWS reserves names that begin with `aws:`."""

_MAX_TAGS: Final = 50

_SESSION_FIELDS: Final = (
    "role",
    "assume",
    "external_id",
    "access",
    "repositories",
    "also_pull",
    "also",
    "duration",
    "session_tags",
    "source_identity",
)


class TermsReader:
    """Reads the session fields of one grant; `issuers` are its entries without problems, `presets` their presets."""

    def __init__(self, fields: Fields, issuers: Sequence[Issuer], presets: Sequence[Preset]) -> None:
        self._fields = fields
        self._entries = issuers
        self._presets = presets

    def terms(self, registry: Registry | None, *, registry_is_broken: bool) -> SessionTerms | None:
        """Return the terms of the session, or None if there is no session or the fields have problems.

        The type of a registry with problems is not known; those problems are reported elsewhere.
        """
        if isinstance(registry, SecretRegistry):
            for key in _SESSION_FIELDS:
                if key in self._fields:
                    self._fields.take(key)
                    self._fields.problem(key, "conflict", "not allowed for a stored login, which has no session")
            return None
        fields = self._fields
        if registry_is_broken and not any(key in fields for key in _SESSION_FIELDS):
            # The registry may hold a stored login, whose grant needs none of these fields.
            return None
        role = self._role(registry)
        assume = fields.choice("assume", ASSUMES, default="broker")
        access = fields.choice("access", ACCESSES)
        repositories, also_pull, also = self._reach(registry, access)
        duration = fields.converted("duration", duration_between("1m", "12h"))
        if assume == "web-identity":
            self._check_web_identity()
        external_id = fields.converted("external_id", _external_id)
        session_tags = self._session_tags(default=assume == "broker")
        source_identity = self._source_identity(default=assume == "broker")
        if role is None or access is None or assume is None:
            return None
        return SessionTerms(
            role=role,
            assume=assume,
            external_id=external_id,
            access=access,
            repositories=repositories,
            also_pull=also_pull,
            also=also,
            duration_seconds=3600 if duration is None else duration,
            session_tags=session_tags,
            source_identity=source_identity,
        )

    def _reach(
        self, registry: Registry | None, access: Access | None
    ) -> tuple[tuple[Template, ...], tuple[Template, ...], Also]:
        if not isinstance(registry, EcrPublicRegistry):
            return (
                self._repositories("repositories", access, required=True),
                self._repositories("also_pull", "pull", required=False),
                self._also(),
            )
        for key in ("also_pull", "also"):
            if key in self._fields:
                self._fields.take(key)
                self._fields.problem(key, "conflict", "not allowed for ECR Public, which anyone can pull from")
        if access == "pull":
            if "repositories" in self._fields:
                self._fields.take("repositories")
                self._fields.problem(
                    "repositories", "conflict", "not allowed: a pull login for ECR Public reaches every repository"
                )
            return (), (), Also()
        if access == "push" and registry.account is None:
            self._fields.problem("registry", "conflict", f"push requires the account of the registry {registry.name}")
        return self._repositories("repositories", access, required=access == "push"), (), Also()

    def _check_web_identity(self) -> None:
        """Report fields that only the service's own session can have, and issuers whose tokens STS cannot verify.

        Source: STS API Reference, AssumeRoleWithWebIdentity, which has no such parameters.
        """
        for key in ("external_id", "session_tags", "source_identity"):
            if key in self._fields:
                self._fields.problem(key, "conflict", "not allowed with assume: web-identity")
        for issuer in self._entries:
            if isinstance(issuer.trust.keys, Pinned) or issuer.trust.ca_bundle is not None:
                self._fields.problem(
                    "assume",
                    "conflict",
                    f"STS fetches the keys of {issuer.name} itself: pinned keys and ca_bundle are not allowed",
                )
            if issuer.preset.provider == "aws-sts":
                self._fields.problem(
                    "assume", "conflict", f"STS does not accept its own tokens, which {issuer.name} issues"
                )

    def _role(self, registry: Registry | None) -> str | None:
        role = self._fields.string("role", required=True)
        if role is None:
            return None
        form = _ROLE.fullmatch(role)
        if form is None:
            self._fields.problem("role", "bad-value", f"expected arn:aws:iam::ACCOUNT:role/NAME, found {quoted(role)}")
        elif registry is not None and not isinstance(registry, SecretRegistry) and form[1] != registry.partition:
            self._fields.problem(
                "role", "conflict", f"expected a role of the registry's partition {registry.partition}"
            )
        return role

    def _repositories(self, key: str, access: Access | None, *, required: bool) -> tuple[Template, ...]:
        templates: list[Template] = []
        for text in self._fields.strings(key, required=required) or ():
            try:
                template = parse_repository_template(text)
            except ValueError as error:
                self._fields.problem(key, "bad-value", f"{error}, found {quoted(text)}")
                continue
            self._check_names(key, template)
            if access == "push":
                self._check_proven(key, template)
            templates.append(template)
        return tuple(templates)

    def _check_names(self, key: str, template: Template) -> None:
        """Report names that some issuer of this grant has no value for, or no unique one."""
        for name in template.names:
            for preset in self._presets:
                if name not in preset.vocabulary:
                    self._fields.problem(key, "unknown-name", f"tokens of {preset.provider} have no {{{name}}}")
            if name in IDS and len(self._presets) > 1:
                self._fields.problem(key, "conflict", f"{{{name}}}: {SEVERAL_ISSUERS}")

    def _check_proven(self, key: str, template: Template) -> None:
        """Report names whose values a user of the CI system can choose: they could choose another team's repository."""
        always: frozenset[Name] = IDS | {"organization", "repository"}
        for name in template.names:
            for preset in self._presets:
                if preset.is_declared(name) or (name not in always and name not in preset.proven):
                    self._fields.problem(
                        key, "bad-value", f"{{{name}}} is not proven by {preset.provider}; push requires a proven name"
                    )

    def _also(self) -> Also:
        value = self._fields.take("also")
        rights: dict[str, str | None] = {}
        if value is None:
            return Also()
        if value == []:
            self._fields.problem("also", "empty", "expected at least one item, found an empty list")
            return Also()
        if not isinstance(value, list):
            self._fields.problem(
                "also", "wrong-type", f"expected a list of list, import or sign: ARN, found {described(value)}"
            )
            return Also()
        for item in value:
            match item:
                case "list" | "import" if item not in rights:
                    rights[item] = None
                case {"sign": str() as profile, **rest} if not rest and "sign" not in rights:
                    rights["sign"] = profile
                    if not SIGNING_PROFILE.fullmatch(profile):
                        self._fields.problem(
                            "also", "bad-value", f"expected the ARN of a signing profile, found {quoted(profile)}"
                        )
                case _:
                    self._fields.problem(
                        "also", "bad-value", f"expected list, import or sign: ARN, each once, found {described(item)}"
                    )
        return Also(list="list" in rights, import_="import" in rights, sign=rights.get("sign"))

    def _session_tags(self, *, default: bool) -> bool | Mapping[str, Template]:
        value = self._fields.take("session_tags")
        if value is None or isinstance(value, bool):
            return default if value is None else value
        tags = self._fields.mapping("session_tags")
        if tags is None:
            return False
        templates: dict[str, Template] = {}
        for key in tags.names():
            if not _TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
                tags.problem(
                    key,
                    "bad-value",
                    "expected a tag key of letters, digits, spaces and _.:/=+-@ that does not begin with aws:",
                )
            template = tags.converted(key, parse_template)
            if template is not None:
                self._check_names("session_tags", template)
                templates[key] = template
        # STS API Reference, AssumeRole, Tags: keys that differ only by case are the same key.
        if len({key.lower() for key in tags.names()}) < len(tags.names()):
            self._fields.problem("session_tags", "duplicate-name", "two tag keys differ only by case")
        if len(templates) > _MAX_TAGS:
            self._fields.problem("session_tags", "too-long", f"expected at most {_MAX_TAGS} tags")
        return templates

    def _source_identity(self, *, default: bool) -> bool | Template:
        value = self._fields.take("source_identity")
        if value is None or isinstance(value, bool):
            return default if value is None else value
        template = self._fields.converted("source_identity", parse_template)
        if template is None:
            return False
        self._check_names("source_identity", template)
        return template


def _external_id(text: str) -> str:
    if not _EXTERNAL_ID.fullmatch(text):
        raise ValueError("expected 2 to 1224 letters, digits and _+=,.@:/-")
    return text
