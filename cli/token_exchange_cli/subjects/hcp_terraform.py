"""HCP Terraform: `organization:ORGANIZATION:project:PROJECT:workspace:WORKSPACE:run_phase:PHASE`.

Source: its page on workload identity tokens; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.form import form
from token_exchange_cli.subjects.grammar import Subject, SubjectGrammar, exactly, part, says_something
from token_exchange_cli.subjects.iam_patterns import Value

_WORKSPACE: Final = form(
    "organization:<organization>:project:<project>:workspace:<pipeline>:<phase>",
    organization="[^:*?]+",
    project="[^:]+",
    pipeline="[^:]+",
    phase=".*",
)


def _read(value: Value) -> Subject | None:
    parts = _WORKSPACE.read(value.text)
    if parts is None:
        return None
    match = {"pipeline": part(value, parts["pipeline"])} if says_something(parts["pipeline"]) else {}
    dangers = () if match else ("admits every workspace",)
    if parts["phase"] == "run_phase:plan":
        return Subject(
            organization=parts["organization"],
            match=match,
            claims={"terraform_run_phase": exactly("plan")},
            dangers=(
                *dangers,
                (
                    "admits plans, which run the code of pull requests: the policy refuses them unless the grant "
                    "allows untrusted triggers"
                ),
            ),
        )
    if parts["phase"] != "run_phase:apply":
        dangers = (*dangers, "also admits plans, which the policy refuses unless the grant allows untrusted triggers")
    return Subject(organization=parts["organization"], match=match, dangers=dangers)


SUBJECT: Final = SubjectGrammar(
    read=_read,
    tenant=re.compile(r"organization:[^*?:]+:"),
    beginning="organization:",
    self_hosted=re.compile(r"organization:[^:]*:project:"),
)
