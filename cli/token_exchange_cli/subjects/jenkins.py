"""Jenkins: the URL of the job, below the controller's own.

Source: the plugin's page; docs/providers.md.
"""

import re
from typing import Final

from token_exchange_cli.subjects.grammar import SubjectGrammar

SUBJECT: Final = SubjectGrammar(fixed_words=re.compile(r"https://(?:(?!/job/)[^*?])*/(?:job/)?[*?](?:job|[/*?])*"))
