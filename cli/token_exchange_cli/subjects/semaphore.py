"""Semaphore: `org:ORGANIZATION:project:PROJECT:repo:REPOSITORY:ref_type:TYPE:ref:REF`.

Source: Semaphore's page on OIDC; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.grammar import SubjectGrammar

SUBJECT: Final = SubjectGrammar(self_hosted=re.compile(r"org:[^:]*:project:[^:]*:repo:"))
