"""Google: the numeric id of a service account, which is one tenant's only as a whole.

Source: Google's page on OpenID Connect; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.grammar import SubjectGrammar

SUBJECT: Final = SubjectGrammar(tenant=re.compile(r"[^*?]+\Z"))
